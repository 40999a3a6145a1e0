package wire

import (
	"bytes"
	"testing"
)

func TestLabel(t *testing.T) {
	tests := []struct {
		name, in string
		want     Label
	}{
		{"bottom", "07 3d 91 01", Label{Label: 29657, S: 1, TTL: 1}},
		{"all bits", "ff ff ff ff", Label{Label: 1<<20 - 1, EXP: 7, S: 1, TTL: 255}},
		{"label only", "00 01 00 00", Label{Label: 16}},
		{"EXP only", "00 00 0a 00", Label{EXP: 5}},
		{"TTL only", "00 00 00 40", Label{TTL: 64}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Object{ClassMPLS, CTypeIncomingMPLS, octets(t, tt.in)}
			if got := o.Label(0); got != tt.want {
				t.Errorf("Label = %+v, want %+v", got, tt.want)
			}
			if got := tt.want.AppendTo(nil); !bytes.Equal(got, o.Payload) {
				t.Errorf("AppendTo = % x, want % x", got, o.Payload)
			}
		})
	}
}

func TestNumLabels(t *testing.T) {
	tests := []struct {
		name string
		o    Object
		want int
		is   bool
	}{
		{"none", Object{ClassMPLS, CTypeIncomingMPLS, nil}, 0, true},
		{"one", Object{ClassMPLS, CTypeIncomingMPLS, make([]byte, 4)}, 1, true},
		{"sixteen", Object{ClassMPLS, CTypeIncomingMPLS, make([]byte, 64)}, 16, true},
		{"one and a half", Object{ClassMPLS, CTypeIncomingMPLS, make([]byte, 6)}, 0, false},
		{"another c-type", Object{ClassMPLS, 2, make([]byte, 4)}, 0, false},
		{"another class", Object{ClassInterface, 1, make([]byte, 4)}, 0, false},
	}
	for _, tt := range tests {
		if got := tt.o.NumLabels(); got != tt.want || tt.o.IsMPLS() != tt.is {
			t.Errorf("%s: NumLabels = %d, IsMPLS = %v; want %d, %v", tt.name, got, tt.o.IsMPLS(), tt.want, tt.is)
		}
	}
}

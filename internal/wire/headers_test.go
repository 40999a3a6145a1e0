package wire

import (
	"bytes"
	"testing"
)

func TestSkipExtensions(t *testing.T) {
	tests := []struct {
		name         string
		next         uint8
		in           string
		wantProtocol uint8
		wantRest     string
		wantPart     Fragment
		wantOK       bool
	}{
		{name: "none", next: 17, in: "0102", wantProtocol: 17, wantRest: "0102", wantOK: true},
		{name: "no extension header, empty rest", next: 17, wantProtocol: 17, wantOK: true},
		{name: "hop-by-hop", next: 0, in: "11 00 0104 00000000 aa", wantProtocol: 17, wantRest: "aa", wantOK: true},
		{name: "routing, 16 octets", next: 43, in: "3a 01 0000 00000000 0000000000000000 bb", wantProtocol: 58, wantRest: "bb", wantOK: true},
		{name: "destination options", next: 60, in: "11 00 0104 00000000", wantProtocol: 17, wantOK: true},
		{name: "first fragment", next: 44, in: "11 ff 0001 00000001 cc", wantProtocol: 17, wantRest: "cc", wantPart: 1, wantOK: true},
		{name: "only fragment", next: 44, in: "11 ff 0006 00000001 cc", wantProtocol: 17, wantRest: "cc", wantOK: true},
		{name: "later fragment", next: 44, in: "00 00 0009 00000001 cc", wantProtocol: 0, wantRest: "cc", wantPart: 9, wantOK: true},
		{name: "last offset", next: 44, in: "11 00 fff8 00000001", wantProtocol: 17, wantPart: 65528, wantOK: true},
		{name: "all", next: 0, in: "2b00010400000000 2c00000000000000 3c00000000000001 1100010400000000 dd", wantProtocol: 17, wantRest: "dd", wantOK: true},
		{name: "no next header", next: 59, in: "ee", wantProtocol: 59, wantRest: "ee", wantOK: true},
		{name: "authentication is not walked", next: 51, in: "1104000000000000", wantProtocol: 51, wantRest: "1104000000000000", wantOK: true},
		{name: "nothing to walk", next: 0},
		{name: "one octet", next: 0, in: "11"},
		{name: "7 of 8", next: 60, in: "11 00 0104 000000"},
		{name: "8 of 16", next: 60, in: "11 01 0104 00000000"},
		{name: "7 of a fragment header", next: 44, in: "11 00 0009 000000"},
		{name: "second is cut", next: 0, in: "3c00010400000000 11"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			protocol, rest, part, ok := SkipExtensions(tt.next, octets(t, tt.in))
			if ok != tt.wantOK || ok && (protocol != tt.wantProtocol || part != tt.wantPart) || !bytes.Equal(rest, octets(t, tt.wantRest)) {
				t.Errorf("protocol %d, rest % x, part %#x, %t", protocol, rest, part, ok)
			}
		})
	}
}

// FuzzSkipExtensions checks that the result is a suffix, and that the skipped part is a multiple
// of eight octets. It also checks that no further extension header could be skipped.
func FuzzSkipExtensions(f *testing.F) {
	f.Add(uint8(0), []byte{17, 0, 1, 4, 0, 0, 0, 0, 1})
	f.Add(uint8(44), []byte{60, 0, 0, 0, 0, 0, 0, 1, 17, 1, 0, 0, 0, 0, 0, 0})
	f.Add(uint8(43), []byte{0, 255})
	f.Add(uint8(6), []byte{})
	f.Fuzz(func(t *testing.T, next uint8, b []byte) {
		protocol, rest, part, ok := SkipExtensions(next, b)
		if !ok {
			if rest != nil {
				t.Fatalf("a cut header leaves % x", rest)
			}
			return
		}
		walked := len(b) - len(rest)
		if !bytes.Equal(b[walked:], rest) || walked%8 != 0 || part&6 != 0 {
			t.Fatalf("walked %d of %d octets, part %#x", walked, len(b), part)
		}
		switch protocol {
		case 0, 43, 44, 60:
			if part.Offset() == 0 {
				t.Fatalf("stopped at extension header %d", protocol)
			}
		}
	})
}

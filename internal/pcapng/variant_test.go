package pcapng

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
)

// Every variant of pcap that libpcap reads gives the same frame. Variants are byte orders, units of
// time, old versions with swapped lengths, and the modified format of old Linux.
func TestPcapVariants(t *testing.T) {
	const seconds, fraction, captured, original = 1_790_000_000, 7, 5, 60
	tests := []struct {
		name         string
		magic        uint32
		major, minor uint16
		swapped      bool
		modified     bool
		unit         int64
	}{
		{"2.4", magicMicro, 2, 4, false, false, 1e3},
		{"2.4 in ns", magicNano, 2, 4, false, false, 1},
		{"2.3", magicMicro, 2, 3, false, false, 1e3},
		{"2.3, swapped", magicMicro, 2, 3, true, false, 1e3},
		{"2.2", magicMicro, 2, 2, true, false, 1e3},
		{"543.0", magicMicro, 543, 0, true, false, 1e3},
		{"modified", magicModified, 2, 4, false, true, 1e3},
	}
	for _, tt := range tests {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			t.Run(tt.name+" "+order.String(), func(t *testing.T) {
				b := order.AppendUint32(nil, tt.magic)
				b = order.AppendUint16(order.AppendUint16(b, tt.major), tt.minor)
				b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
				b = order.AppendUint32(order.AppendUint32(b, 96), 0x40000001) // with check sequence
				b = order.AppendUint32(order.AppendUint32(b, seconds), fraction)
				first, second := uint32(captured), uint32(original)
				if tt.swapped {
					first, second = second, first
				}
				b = order.AppendUint32(order.AppendUint32(b, first), second)
				if tt.modified {
					b = append(order.AppendUint32(b, 3), 0, 0, 4, 0)
				}
				b = append(b, "frame"...)
				f, err := NewFile("x", bytes.NewReader(b))
				if err != nil {
					t.Fatal(err)
				}
				var e Entry
				if err := f.Read(&e); err != nil || string(e.Frame) != "frame" || !e.Cut || e.LinkType != 1 ||
					e.Stamp != seconds*1e9+fraction*tt.unit {
					t.Errorf("%+v, %v", e, err)
				}
				if err := f.Read(&e); err != io.EOF {
					t.Errorf("at the end %v", err)
				}
			})
		}
	}
}

package wire

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
)

// Whole structures, for the fuzzer too.
const (
	indexAndName = `
		20 00 00 00
		00 14 02 0a # length 20; interface: incoming, ifIndex and name
		00 00 00 07 # ifIndex 7
		08 65 74 68 # 8 octets of name with this one: eth
		30 2e 31 00 # 0.1, padding
		00 00 00 00 # beyond`
	allParts = `
		20 00 00 00
		00 24 02 8f # length 36; outgoing: ifIndex, address, name, MTU
		00 00 02 01 # ifIndex 513
		00 02 00 00 # IPv6
		20 01 0d b8 00 00 00 00
		00 00 00 00 00 00 00 09
		04 78 65 30 # xe0
		00 00 23 28 # MTU 9000`
)

func TestInterfaceDecode(t *testing.T) {
	tests := []struct {
		name, in string
		class    uint8
		ctype    uint8
		want     Interface
		err      error
	}{
		{"no part", "", 2, 0x00, Interface{}, nil},
		{"role only", "", 2, 0x40, Interface{Role: RoleSubIP}, nil},
		{"index", "00 00 00 07", 2, 0x08, Interface{Index: 7}, nil},
		{"IPv4", "00 01 00 00  c0 00 02 01", 2, 0xc4,
			Interface{Role: RoleNextHop, Addr: netip.MustParseAddr("192.0.2.1")}, nil},
		{"name of 3", "04 65 74 68", 2, 0x02, Interface{Name: []byte("eth")}, nil},
		{"padded name", "08 65 74 68 30 00 00 00", 2, 0x02, Interface{Name: []byte("eth0")}, nil},
		{"name of padding", "04 00 00 00", 2, 0x02, Interface{Name: []byte{}}, nil},
		{"name of no octets", "01", 2, 0x02, Interface{Name: []byte{}}, nil},
		{"MTU", "00 00 05 dc", 2, 0x81, Interface{Role: RoleOutgoing, MTU: 1500}, nil},
		{"octets after the last part", "00 00 05 dc ff ff", 2, 0x01, Interface{MTU: 1500}, nil},
		{"reserved bits", "00 00 05 dc", 2, 0x31, Interface{MTU: 1500}, nil},
		{"index cut", "00 00 00", 2, 0x08, Interface{}, ErrInterface},
		{"family cut", "00 01 00", 2, 0x04, Interface{}, ErrInterface},
		{"IPv4 cut", "00 01 00 00 c0 00 02", 2, 0x04, Interface{}, ErrInterface},
		{"IPv6 cut", "00 02 00 00 20 01", 2, 0x04, Interface{}, ErrInterface},
		{"unknown family", "00 03 00 00 20 01 0d b8", 2, 0x04, Interface{}, ErrInterface},
		{"name longer than all", "08 65 74 68", 2, 0x02, Interface{}, ErrInterface},
		{"name of length 0", "00 65 74 68", 2, 0x02, Interface{}, ErrInterface},
		{"name missing", "", 2, 0x02, Interface{}, ErrInterface},
		{"MTU missing", "00 00 00 07", 2, 0x09, Interface{}, ErrInterface},
		{"another class", "00 00 00 07", 3, 0x08, Interface{}, ErrInterface},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := Interface{Index: 1, Name: []byte("dirty")}
			err := f.Decode(Object{tt.class, tt.ctype, octets(t, tt.in)})
			if !errors.Is(err, tt.err) || f.Role != tt.want.Role || f.Index != tt.want.Index ||
				f.Addr != tt.want.Addr || f.MTU != tt.want.MTU ||
				!bytes.Equal(f.Name, tt.want.Name) || (f.Name == nil) != (tt.want.Name == nil) {
				t.Errorf("Decode = %+v, %v; want %+v, %v", f, err, tt.want, tt.err)
			}
		})
	}
}

func TestInterfaceAllParts(t *testing.T) {
	var x Extension
	if err := x.Decode(octets(t, allParts)); err != nil {
		t.Fatal(err)
	}
	o := x.Objects()
	if !o.Next() {
		t.Fatal(o.Err())
	}
	var f Interface
	if err := f.Decode(o.Object); err != nil {
		t.Fatal(err)
	}
	if f.Role != RoleOutgoing || f.Index != 513 || f.Addr != netip.MustParseAddr("2001:db8::9") ||
		string(f.Name) != "xe0" || f.MTU != 9000 {
		t.Errorf("Decode = %+v", f)
	}
	payload, ctype := f.AppendTo(nil)
	if !bytes.Equal(payload, o.Payload) || ctype != o.CType {
		t.Errorf("AppendTo = % x, %#x; want % x, %#x", payload, ctype, o.Payload, o.CType)
	}
}

func TestInterfaceLongName(t *testing.T) {
	f := Interface{Name: bytes.Repeat([]byte("x"), 100)}
	payload, ctype := f.AppendTo(nil)
	if len(payload) != 64 || payload[0] != 64 {
		t.Fatalf("%d octets, length octet %d; want 64", len(payload), payload[0])
	}
	var again Interface
	if err := again.Decode(Object{ClassInterface, ctype, payload}); err != nil || len(again.Name) != maxName {
		t.Errorf("name of %d octets, %v; want %d", len(again.Name), err, maxName)
	}
}

// AppendAs is the inverse of Decode, for every object that Decode accepts.
func FuzzInterfaceAppendAs(f *testing.F) {
	all := Interface{Role: RoleOutgoing, Index: 7, Addr: netip.MustParseAddr("203.0.113.1"), Name: []byte("eth0"), MTU: 1500}
	payload, ctype := all.AppendTo(nil)
	f.Add(ctype, payload)
	f.Add(ctype, append(payload, 1, 2, 3))                           // more octets after them
	f.Add(uint8(hasName|hasMTU), []byte{3, 'a', 'b', 0, 0, 5, 0xdc}) // a name without padding
	f.Add(uint8(hasName), []byte{9, 0, 0, 0, 0, 0, 0, 0, 0})         // an empty name, padded
	f.Add(uint8(hasIndex|hasMTU), make([]byte, 8))                   // zeros
	f.Add(uint8(hasName), append([]byte{253}, bytes.Repeat([]byte("a"), 252)...))
	f.Fuzz(func(t *testing.T, ctype uint8, payload []byte) {
		var in, again Interface
		o := Object{Class: ClassInterface, CType: ctype, Payload: payload}
		if in.Decode(o) != nil {
			return
		}
		b, err := in.AppendAs([]byte("x"), ctype, len(payload))
		if err != nil || len(b) != 1+len(payload) {
			t.Fatalf("%+v in %d octets: %d, %v", in, len(payload), len(b)-1, err)
		}
		o.Payload = b[1:]
		if err := again.Decode(o); err != nil || !again.equal(&in) {
			t.Errorf("%+v, %v; want %+v", again, err, in)
		}
	})
}

// AppendAs refuses information that no object can hold.
func TestInterfaceAppendAsRefuses(t *testing.T) {
	addr := netip.MustParseAddr("203.0.113.1")
	for _, tt := range []struct {
		name   string
		in     Interface
		ctype  uint8
		length int
	}{
		{"too short", Interface{Index: 1}, hasIndex, 3},
		{"a name without room", Interface{Name: []byte("eth0")}, hasName, 4},
		{"a part without a value", Interface{}, hasAddr, 8},
		{"a value without a part", Interface{Index: 1, Addr: addr}, hasAddr, 8},
		{"another role", Interface{Role: RoleNextHop, Index: 1}, hasIndex, 4},
		{"a name without a part for it", Interface{Index: 1, Name: []byte("eth0")}, hasIndex, 4},
		{"a name too long", Interface{Name: make([]byte, 255)}, hasName, 256},
	} {
		if b, err := tt.in.AppendAs([]byte("x"), tt.ctype, tt.length); !errors.Is(err, ErrInterface) || string(b) != "x" {
			t.Errorf("%s: % x, %v", tt.name, b, err)
		}
	}
}

package wire

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// ClassInterface is the class of an interface information object (RFC 5837 §4). The high 2 bits of
// its c-type are the role of the interface. The low 4 bits select which parts follow, in this
// order:
//
//	ifIndex   4 octets
//	address   family (2 octets), reserved (2), address (4 or 16)
//	name      length of this part (1 octet), name, zeros up to a multiple of 4
//	MTU       4 octets
const (
	ClassInterface = 2

	hasMTU   = 1 << 0
	hasName  = 1 << 1
	hasAddr  = 1 << 2
	hasIndex = 1 << 3

	roleShift = 6
)

// Address families (IANA "Address Family Numbers").
const (
	familyIPv4 = 1
	familyIPv6 = 2
)

// maxName is the largest length of a name (RFC 5837 §4.3): 64 octets including its length octet.
const maxName = 63

// ErrInterface means that the parts of an interface information object do not fit in it, or that a
// part is invalid.
var ErrInterface = errors.New("interface information object does not add up")

// Role is the relation of an interface information object's interface to the packet.
type Role uint8

// The roles (RFC 5837 §4.1).
const (
	RoleIncoming Role = iota // the packet arrived through it
	RoleSubIP                // a component of the incoming interface, below IP
	RoleOutgoing             // the packet would have left through it
	RoleNextHop              // the next router's interface
)

var roleNames = [...]string{"incoming", "sub_ip", "outgoing", "next_hop"}

// String returns the name used in records.
func (r Role) String() string { return roleNames[r&3] }

// ParseRole is the inverse of String; ok is false for an unknown name.
func ParseRole(s string) (r Role, ok bool) {
	for i, name := range roleNames {
		if name == s {
			return Role(i), true
		}
	}
	return RoleIncoming, false
}

// Interface is the information of a router about one of its interfaces (RFC 5837).
type Interface struct {
	Role  Role
	Index uint32     // ifIndex (RFC 2863), 0 if not present
	Addr  netip.Addr // invalid if not present
	Name  []byte     // any octets, meant to be UTF-8, nil if not present; aliases the object
	MTU   uint32     // octets, 0 if not present
}

// Decode reads the interface information object o. It overwrites all of f. If it returns
// ErrInterface, f is empty. It ignores octets after the last part.
func (f *Interface) Decode(o Object) error {
	*f = Interface{}
	var g Interface
	b, ok := o.Payload, o.Class == ClassInterface
	g.Role = Role(o.CType >> roleShift)
	if ok && o.CType&hasIndex != 0 {
		g.Index, b, ok = cutUint32(b)
	}
	if ok && o.CType&hasAddr != 0 {
		g.Addr, b, ok = cutAddr(b)
	}
	if ok && o.CType&hasName != 0 {
		g.Name, b, ok = cutName(b)
	}
	if ok && o.CType&hasMTU != 0 {
		g.MTU, _, ok = cutUint32(b)
	}
	if !ok {
		return ErrInterface
	}
	*f = g
	return nil
}

func cutUint32(b []byte) (v uint32, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(b), b[4:], true
}

func cutAddr(b []byte) (addr netip.Addr, rest []byte, ok bool) {
	if len(b) < 4 {
		return addr, nil, false
	}
	family := binary.BigEndian.Uint16(b)
	b = b[4:]
	switch {
	case family == familyIPv4 && len(b) >= 4:
		return netip.AddrFrom4([4]byte(b)), b[4:], true
	case family == familyIPv6 && len(b) >= 16:
		return netip.AddrFrom16([16]byte(b)), b[16:], true
	}
	return addr, nil, false
}

// cutName removes the zeros from the end of the name. RFC 5837 §4.3 requires a length that is a
// multiple of 4 and at most 64; cutName accepts any that fits.
func cutName(b []byte) (name, rest []byte, ok bool) {
	if len(b) < 1 || b[0] < 1 || int(b[0]) > len(b) {
		return nil, nil, false
	}
	name, rest = b[1:b[0]:b[0]], b[b[0]:]
	for len(name) > 0 && name[len(name)-1] == 0 {
		name = name[:len(name)-1]
	}
	return name, rest, true
}

// AppendTo appends the payload of an object with the information of f to b, and returns the
// matching c-type. A name is cut after 63 octets.
func (f *Interface) AppendTo(b []byte) (payload []byte, ctype uint8) {
	ctype = uint8(f.Role) << roleShift
	if f.Index != 0 {
		ctype |= hasIndex
		b = binary.BigEndian.AppendUint32(b, f.Index)
	}
	if f.Addr.IsValid() {
		ctype |= hasAddr
		family := uint16(familyIPv6)
		if f.Addr.Is4() {
			family = familyIPv4
		}
		b = binary.BigEndian.AppendUint16(b, family)
		b = append(b, 0, 0)
		b = append(b, f.Addr.AsSlice()...)
	}
	if f.Name != nil {
		ctype |= hasName
		name := f.Name[:min(len(f.Name), maxName)]
		length := (1 + len(name) + 3) &^ 3
		b = append(b, uint8(length))
		b = append(b, name...)
		b = append(b, make([]byte, length-1-len(name))...)
	}
	if f.MTU != 0 {
		ctype |= hasMTU
		b = binary.BigEndian.AppendUint32(b, f.MTU)
	}
	return b, ctype
}

// AppendAs appends the payload of an object with a given c-type and a given length in octets, from
// which Decode reads f. It is the inverse of Decode, except that the octets that Decode ignores are
// 0. It returns ErrInterface if there is no such object: the parts that ctype selects do not fill
// the length, or f has other parts.
func (f *Interface) AppendAs(b []byte, ctype uint8, length int) ([]byte, error) {
	start := len(b)
	rest := length // octets for the parts that follow
	if ctype&hasIndex != 0 {
		rest -= 4
		b = binary.BigEndian.AppendUint32(b, f.Index)
	}
	if ctype&hasAddr != 0 && f.Addr.IsValid() {
		family := uint16(familyIPv6)
		if f.Addr.Is4() {
			family = familyIPv4
		}
		b = binary.BigEndian.AppendUint16(b, family)
		b = append(b, 0, 0)
		b = append(b, f.Addr.AsSlice()...)
		rest -= 4 + f.Addr.BitLen()/8
	}
	if ctype&hasMTU != 0 {
		rest -= 4
	}
	if ctype&hasName != 0 {
		n := min(rest, (1+len(f.Name)+3)&^3, 0xff) // its own length is one octet
		if n < 1+len(f.Name) {
			return b[:start], ErrInterface
		}
		b = append(b, uint8(n))
		b = append(b, f.Name...)
		b = append(b, make([]byte, n-1-len(f.Name))...)
		rest -= n
	}
	if ctype&hasMTU != 0 {
		b = binary.BigEndian.AppendUint32(b, f.MTU)
	}
	if rest < 0 {
		return b[:start], ErrInterface
	}
	b = append(b, make([]byte, rest)...)
	var again Interface
	if again.Decode(Object{ClassInterface, ctype, b[start:]}) != nil || !again.equal(f) {
		return b[:start], ErrInterface
	}
	return b, nil
}

// equal reports whether f and g have the same information.
func (f *Interface) equal(g *Interface) bool {
	return f.Role == g.Role && f.Index == g.Index && f.Addr == g.Addr && f.MTU == g.MTU &&
		(f.Name == nil) == (g.Name == nil) && string(f.Name) == string(g.Name)
}

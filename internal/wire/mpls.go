package wire

import "encoding/binary"

// Class and c-type of an MPLS label stack object (RFC 4950 §5).
const (
	ClassMPLS         = 1
	CTypeIncomingMPLS = 1
)

// labelLen is the length of a label stack entry (RFC 3032 §2.1):
//
//	20 bits  3 bits  1 bit  8 bits
//	| label  | EXP   | S    | TTL
const labelLen = 4

// Label is an entry of the label stack that a packet had when a router dropped it (RFC 4950 §5).
type Label struct {
	Label uint32 // 20 bits
	EXP   uint8  // 3 bits, now called traffic class (RFC 5462)
	S     uint8  // 1 at the bottom of the stack
	TTL   uint8
}

// IsMPLS reports whether o is a label stack. A stack whose length is not a multiple of 4 has no
// defined meaning and is not accepted.
func (o *Object) IsMPLS() bool {
	return o.Class == ClassMPLS && o.CType == CTypeIncomingMPLS && len(o.Payload)%labelLen == 0
}

// NumLabels returns how many labels the stack has; 0 if o is not a label stack.
func (o *Object) NumLabels() int {
	if !o.IsMPLS() {
		return 0
	}
	return len(o.Payload) / labelLen
}

// Label returns the i-th label, from the top of the stack. It panics unless
// 0 ≤ i < NumLabels.
func (o *Object) Label(i int) Label {
	entry := binary.BigEndian.Uint32(o.Payload[i*labelLen:])
	return Label{
		Label: entry >> 12,
		EXP:   uint8(entry>>9) & 7,
		S:     uint8(entry>>8) & 1,
		TTL:   uint8(entry),
	}
}

// AppendTo appends the entry to b. Bits beyond the fields' widths are dropped.
func (l Label) AppendTo(b []byte) []byte {
	return binary.BigEndian.AppendUint32(b,
		l.Label<<12|uint32(l.EXP&7)<<9|uint32(l.S&1)<<8|uint32(l.TTL))
}

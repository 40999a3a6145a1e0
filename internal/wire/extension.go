package wire

import (
	"encoding/binary"
	"errors"
)

// An ICMP extension structure (RFC 4884 §7): a header, then objects. Offsets
// are octets from its first octet.
//
//	0         4 bits      2          4
//	| version | reserved  | checksum | objects …
//
// and each object (RFC 4884 §8), its length with this header included:
//
//	0        2       3        4
//	| length | class | c-type | payload …
const (
	extVersion  = 0 // high 4 bits
	extChecksum = 2
	extHeader   = 4
	objLength   = 0
	objClass    = 2
	objCType    = 3
	objHeader   = 4

	version2 = 2
)

// minOriginal is the length in octets to which the original datagram is padded if an extension
// structure follows (RFC 4884 §3). It is also the offset of the structure in messages of routers
// that do not state a length (RFC 4884 §5.5).
const minOriginal = 128

// Errors of Extension.Decode and Objects.Err.
var (
	// ErrExtensionShort: fewer octets than a header.
	ErrExtensionShort = errors.New("ICMP extension structure is cut")
	// ErrExtensionVersion: a version other than 2.
	ErrExtensionVersion = errors.New("ICMP extension structure is not version 2")
	// ErrObject: an object states a length less than its own header, or more than the rest.
	ErrObject = errors.New("ICMP extension object has a wrong length")
)

// FindExtension splits the octets after the header of an ICMP error into the original datagram,
// including its padding, and the extension structure. If there is no extension, ext is nil and
// origin is all of quote. stated is the length attribute of the message (RFC 4884 §4), converted
// to octets: its value times 4 in ICMPv4, times 8 in ICMPv6. It is 0 if the message states no
// length. Both results alias quote.
//
// A stated length is not trusted: routers that do not implement RFC 4884 may leave any value in
// that octet. The structure is at the first of these places:
//
//  1. At the stated length, if there is a valid checksum over objects that end where
//     the message ends. If the length is 128 or more, as RFC 4884 §3 requires, such
//     objects are enough.
//  2. At octet 128 (RFC 4884 §5.5), where a probe's own payload might be. There it needs
//     a valid checksum; or no checksum, zero reserved bits, and objects that end where
//     the message ends.
//  3. At the stated length, if it is 128 or more, with a header of version 2.
func FindExtension(quote []byte, stated int) (origin, ext []byte) {
	var at, legacy evidence
	if stated > 0 && stated <= len(quote) {
		at = examine(quote[stated:])
	}
	if at.whole && (at.checksum == ChecksumValid || stated >= minOriginal) {
		return cut(quote, stated)
	}
	if len(quote) > minOriginal {
		legacy = examine(quote[minOriginal:])
	}
	if legacy.header && legacy.checksum == ChecksumValid ||
		legacy.whole && legacy.checksum == ChecksumAbsent && legacy.reserved == 0 {
		return cut(quote, minOriginal)
	}
	if at.header && stated >= minOriginal {
		return cut(quote, stated)
	}
	return quote, nil
}

// cut limits the capacity of origin, so that appending to it does not overwrite ext.
func cut(quote []byte, at int) (origin, ext []byte) {
	return quote[:at:at], quote[at:]
}

// evidence is the properties of octets that may be an extension structure.
type evidence struct {
	header   bool // a header of version 2
	whole    bool // and at least one object, and nothing else
	checksum ChecksumState
	reserved uint16
}

func examine(b []byte) evidence {
	var x Extension
	if x.Decode(b) != nil {
		return evidence{}
	}
	return evidence{true, x.whole(), x.Checksum, x.reserved}
}

// ChecksumState is the state of the checksum of an extension structure.
type ChecksumState uint8

// The states. Absent: the field is 0, which means that no checksum was computed.
const (
	ChecksumAbsent ChecksumState = iota
	ChecksumValid
	ChecksumBad
)

var checksumNames = [...]string{"absent", "valid", "bad"}

// String returns the name used in records.
func (c ChecksumState) String() string { return checksumNames[c] }

// ParseChecksumState is the inverse of String; ok is false for an unknown name.
func ParseChecksumState(s string) (c ChecksumState, ok bool) {
	for i, name := range checksumNames {
		if name == s {
			return ChecksumState(i), true
		}
	}
	return ChecksumAbsent, false
}

// Extension is a decoded header of an extension structure. The objects alias
// the octets that it was decoded from.
type Extension struct {
	Checksum ChecksumState
	reserved uint16 // 12 bits
	objects  []byte
}

// Decode reads the header at the start of b, which must end where the structure ends, and verifies
// its checksum. It overwrites all of x. If it returns an error (ErrExtensionShort,
// ErrExtensionVersion), x is empty. A bad checksum is not an error. Objects iterates over the
// objects.
func (x *Extension) Decode(b []byte) error {
	*x = Extension{}
	if len(b) < extHeader {
		return ErrExtensionShort
	}
	if b[extVersion]>>4 != version2 {
		return ErrExtensionVersion
	}
	switch {
	case binary.BigEndian.Uint16(b[extChecksum:]) == 0:
		x.Checksum = ChecksumAbsent
	case Fold(Sum(b, 0)) == 0xffff:
		x.Checksum = ChecksumValid
	default:
		x.Checksum = ChecksumBad
	}
	x.reserved = binary.BigEndian.Uint16(b) & 0x0fff
	x.objects = b[extHeader:]
	return nil
}

// Objects returns an iterator before the first object.
func (x *Extension) Objects() Objects { return Objects{rest: x.objects} }

// whole reports whether x consists of one or more objects and nothing else.
func (x *Extension) whole() bool {
	objects := x.Objects()
	n := 0
	for objects.Next() {
		n++
	}
	return n > 0 && objects.Err() == nil
}

// Object is one object of an extension structure.
type Object struct {
	Class, CType uint8
	Payload      []byte // aliases the structure
}

// Objects iterates over the objects of an extension structure:
//
//	for objects := x.Objects(); objects.Next(); {
//		use(objects.Object)
//	}
type Objects struct {
	Object // the current one, after Next returned true

	rest []byte
	err  error
}

// Next advances to the next object and reports whether there is one. It stops at the first object
// with a wrong length, because the objects after it cannot be found. Err then returns the error.
func (o *Objects) Next() bool {
	o.Object = Object{}
	if len(o.rest) == 0 {
		return false
	}
	if len(o.rest) < objHeader {
		o.rest, o.err = nil, ErrObject
		return false
	}
	length := int(binary.BigEndian.Uint16(o.rest[objLength:]))
	if length < objHeader || length > len(o.rest) {
		o.rest, o.err = nil, ErrObject
		return false
	}
	o.Object = Object{
		Class:   o.rest[objClass],
		CType:   o.rest[objCType],
		Payload: o.rest[objHeader:length:length],
	}
	o.rest = o.rest[length:]
	return true
}

// Err returns ErrObject if the iteration stopped at a wrong length, otherwise nil.
func (o *Objects) Err() error { return o.err }

// AppendTrimmed appends ext, which FindExtension returned, to b. If ext is longer than most
// octets, it appends only the first objects that fit. Their checksum is in the same state as that
// of ext.
func AppendTrimmed(b, ext []byte, most int) []byte {
	if len(ext) <= most {
		return append(b, ext...)
	}
	var x Extension
	_ = x.Decode(ext) // FindExtension has already checked it
	objects, end := x.Objects(), extHeader
	for objects.Next() && end+objHeader+len(objects.Payload) <= most {
		end += objHeader + len(objects.Payload)
	}
	start := len(b)
	b = append(b, ext[:end]...)
	if x.Checksum == ChecksumValid {
		binary.BigEndian.PutUint16(b[start+extChecksum:], 0)
		putExtensionSum(b[start:])
	}
	return b
}

// AppendExtension appends an extension structure of the objects to b, with its checksum. Payloads
// must be shorter than 65532 octets. RFC 4884 §8 requires lengths that are multiples of 4.
func AppendExtension(b []byte, objects ...Object) []byte {
	return AppendExtensionAs(b, ChecksumValid, objects...)
}

// AppendExtensionAs is AppendExtension with a checksum in the given state: valid, bad or absent.
func AppendExtensionAs(b []byte, sum ChecksumState, objects ...Object) []byte {
	start := len(b)
	b = append(b, version2<<4, 0, 0, 0)
	for _, o := range objects {
		b = binary.BigEndian.AppendUint16(b, uint16(objHeader+len(o.Payload)))
		b = append(b, o.Class, o.CType)
		b = append(b, o.Payload...)
	}
	if sum == ChecksumAbsent {
		return b
	}
	putExtensionSum(b[start:])
	if sum == ChecksumBad {
		spoilExtensionSum(b[start:])
	}
	return b
}

// spoilExtensionSum changes the valid checksum of b into a wrong one that is not 0.
func spoilExtensionSum(b []byte) {
	if b[extChecksum] ^= 0x80; binary.BigEndian.Uint16(b[extChecksum:]) == 0 {
		b[extChecksum+1] ^= 0x01
	}
}

// putExtensionSum computes the checksum of b, whose field is 0 so far, and stores it. A checksum of
// 0 cannot be sent, because 0 means that there is none; 0xffff is equivalent. The version field
// keeps the sum itself from being 0.
func putExtensionSum(b []byte) {
	csum := Checksum(Sum(b, 0))
	if csum == 0 {
		csum = 0xffff
	}
	binary.BigEndian.PutUint16(b[extChecksum:], csum)
}

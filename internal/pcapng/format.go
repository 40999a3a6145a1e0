package pcapng

// The pcapng file format (draft-ietf-opsawg-pcapng). All fields are in the byte order of their
// section, and padded to 32 bits.
//
//	0      4        8          length-4
//	| type | length | body …   | length again
const (
	blockType    = 0
	blockLength  = 4
	blockBody    = 8
	blockTrailer = 4 // octets of the length at the end
	minBlock     = 12
)

// Block types.
const (
	blockSection    = 0x0a0d0d0a // the same in both byte orders
	blockInterface  = 1
	blockOldPacket  = 2 // obsolete
	blockSimple     = 3
	blockStatistics = 5
	blockPacket     = 6 // "enhanced"
)

// byteOrderMagic identifies the byte order of a section: it is the first field of the section
// header's body.
const byteOrderMagic = 0x1a2b3c4d

// Octets of the fixed part of bodies, before options or packet data.
const (
	sectionBody   = 16 // magic (4), version (2, 2), section length (8)
	interfaceBody = 8  // link type (2), reserved (2), snap length (4)
	// An old packet has interface (2) and drops (2) in place of interface (4).
	packetBody     = 20 // interface (4), time (4, 4), captured (4), original (4)
	simpleBody     = 4  // original (4)
	statisticsBody = 12 // interface (4), time (4, 4)
)

// Option codes. An option is its code (2), its length (2), and its octets,
// padded.
const (
	optionEnd        = 0
	optionComment    = 1
	optionFlags      = 2 // of a packet; the lowest two bits are its direction
	optionName       = 2 // of an interface
	optionUserAppl   = 4 // of a section
	optionResolution = 9 // of an interface's times
	optionOffset     = 14
)

// Directions in optionFlags.
const (
	flagsInbound  = 1
	flagsOutbound = 2
)

// MaxComment is the largest length of an option, in octets.
const MaxComment = 0xffff

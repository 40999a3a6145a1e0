package wire

// The pcapng file format (draft-ietf-opsawg-pcapng). All fields are in the byte
// order of the section that they stand in, and padded to 32 bits.
//
//	0      4        8          length-4
//	| type | length | body …   | length again
const (
	BlockType    = 0
	BlockLength  = 4
	BlockBody    = 8
	BlockTrailer = 4 // octets of the length at the end
	MinBlock     = 12
)

// Block types.
const (
	BlockSection    = 0x0a0d0d0a // the same in both byte orders
	BlockInterface  = 1
	BlockOldPacket  = 2 // obsolete
	BlockSimple     = 3
	BlockStatistics = 5
	BlockPacket     = 6 // "enhanced"
)

// ByteOrderMagic tells the byte order of a section; it is at the beginning of
// its header's body.
const ByteOrderMagic = 0x1a2b3c4d

// Octets of the fixed part of bodies, in front of options or packet data.
const (
	SectionBody    = 16 // magic (4), version (2, 2), section length (8)
	InterfaceBody  = 8  // link type (2), reserved (2), snap length (4)
	PacketBody     = 20 // interface (4), time (4, 4), captured (4), original (4)
	OldPacketBody  = 20 // interface (2), drops (2), and the same
	SimpleBody     = 4  // original (4)
	StatisticsBody = 12 // interface (4), time (4, 4)
)

// Option codes. An option is its code (2), its length (2), and its octets,
// padded.
const (
	OptionEnd        = 0
	OptionComment    = 1
	OptionFlags      = 2 // of a packet; the lowest two bits are its direction
	OptionName       = 2 // of an interface
	OptionUserAppl   = 4 // of a section
	OptionResolution = 9 // of an interface's times
	OptionOffset     = 14
)

// Directions in OptionFlags.
const (
	FlagsInbound  = 1
	FlagsOutbound = 2
)

// MaxComment is how many octets an option may have.
const MaxComment = 0xffff

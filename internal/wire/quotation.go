package wire

// Quotation is the part of a probe that an ICMP error quotes. It has the fields of the quoted IP
// header, as the quotation states them, and the octets after it.
type Quotation struct {
	Is4      bool
	Src, Dst [16]byte // IPv4 as ::ffff:a.b.c.d
	Protocol uint8
	TTL      uint8
	TOS      uint8
	ID       uint16 // IPv4 only
	Label    uint32 // IPv6 only, 20 bits
	Size     int    // octets of the quoted packet as its header states
	Headers  int    // octets of the quoted IP header with options or extension headers

	// Transport is the quoted part of the transport header and payload. It aliases the frame.
	Transport []byte
}

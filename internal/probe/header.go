package probe

// Header holds the fields by which a packet of any prober can be recognized, both in the packet
// itself and in a quotation.
type Header struct {
	Src, Dst         Addr
	Protocol         uint8
	TTL, TOS         uint8
	SrcPort, DstPort uint16 // of an echo request: identifier and 0
	Label            uint32 // IPv6 flow label
	ID               uint16 // IPv4 identification
	Sum, Len         uint16 // UDP: checksum and length; ICMP: checksum and 0; TCP: 0
	Seq              uint32 // TCP: sequence number; ICMP: likewise; UDP: 0
	Ack              uint32 // TCP: acknowledgement, if known
	Size             int    // octets of the IP packet, as its header states
	Method           Method
}

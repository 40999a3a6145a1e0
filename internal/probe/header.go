package probe

// Header is what a packet of any prober can be told by, in the packet itself and
// where it is quoted.
type Header struct {
	Src, Dst         Addr
	Protocol         uint8
	TTL, TOS         uint8
	SrcPort, DstPort uint16 // of an echo request: identifier and 0
	Label            uint32 // IPv6 flow label
	ID               uint16 // IPv4 identification
	Sum, Len         uint16 // UDP: checksum and length; ICMP: checksum and 0; TCP: 0
	Seq              uint32 // TCP: sequence number; ICMP: likewise; UDP: 0
	Ack              uint32 // TCP: acknowledgement, where it is known
	Size             int    // octets of the IP packet, as its header states
	Method           Method
}

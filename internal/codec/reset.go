package codec

import (
	"encoding/binary"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// resetTTL is the TTL of a reset, which must reach the target.
const resetTTL = 64

// EncodeReset writes to buf the RST that refuses the SYN-ACK to the SYN p, and returns the size
// of the IP packet. Its sequence number is the acknowledgement (RFC 9293 §3.10.7.1). buf must
// hold MaxSize octets. It is for source addresses that are not of this host.
//
// Like the kernel's reset, it has an identification of 0 and DF set (RFC 6864 §4.1), so that a
// quotation of it has no tag.
func (c *Codec) EncodeReset(buf []byte, p probe.Probe) int {
	var prepared Prepared
	c.Prepare(&prepared, p.Target, p.Flow)
	c.Encode(buf, &prepared, resetTTL, p.Attempt)
	is4 := p.Target.Is4()
	header := c.template(is4).header
	size := header + wire.TCPLen
	if is4 {
		const df = 0x4000
		binary.BigEndian.PutUint16(buf[wire.V4Length:], uint16(size))
		binary.BigEndian.PutUint16(buf[wire.V4ID:], 0)
		binary.BigEndian.PutUint16(buf[wire.V4Fragment:], df)
		binary.BigEndian.PutUint16(buf[wire.V4Checksum:], 0)
		binary.BigEndian.PutUint16(buf[wire.V4Checksum:], wire.Checksum(wire.Sum(buf[:header], 0)))
	} else {
		binary.BigEndian.PutUint16(buf[wire.V6Length:], wire.TCPLen)
	}
	b := buf[header:size]
	binary.BigEndian.PutUint32(b[wire.TCPSeq:], prepared.key.seal32(tau(p.TTL, p.Attempt))+1)
	binary.BigEndian.PutUint32(b[wire.TCPAck:], 0)
	b[wire.TCPOffset], b[wire.TCPFlags] = wire.TCPLen/4<<4, wire.FlagRST
	binary.BigEndian.PutUint16(b[wire.TCPWindow:], 0)
	binary.BigEndian.PutUint16(b[wire.TCPChecksum:], 0)
	source := c.Source(is4)
	sum := wire.PseudoSum(source.Octets(), p.Target.Octets(), probe.ProtoTCP, wire.TCPLen)
	binary.BigEndian.PutUint16(b[wire.TCPChecksum:], wire.Checksum(wire.Sum(b, sum)))
	return size
}

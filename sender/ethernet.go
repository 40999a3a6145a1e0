package sender

import (
	"encoding/binary"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// ethernet holds the Ethernet headers (IEEE 802.3) of frames with IPv4 and IPv6 packets. Next hops
// may change while a port sends.
type ethernet struct {
	heads [2][ethernetLen]byte // IPv4, IPv6
	// first is the first 8 octets of each header: the next hop, and 2 octets of the source. A
	// frame gets either the old or the new next hop whole.
	first [2]atomic.Uint64
}

// setHeads sets the headers.
func (e *ethernet) setHeads(source, nextHop4, nextHop6 [6]byte) {
	for i, proto := range []uint16{unix.ETH_P_IP, unix.ETH_P_IPV6} {
		copy(e.heads[i][6:], source[:])
		binary.BigEndian.PutUint16(e.heads[i][12:], proto)
	}
	e.SetNextHop(true, nextHop4)
	e.SetNextHop(false, nextHop6)
}

// SetNextHop changes the next hop of a family, from the next frame on. It may be called from any
// goroutine, and from one at a time.
func (e *ethernet) SetNextHop(is4 bool, mac [6]byte) {
	i := 1
	if is4 {
		i = 0
	}
	var b [8]byte
	copy(b[:], mac[:])
	copy(b[6:], e.heads[i][6:8])
	e.first[i].Store(binary.NativeEndian.Uint64(b[:]))
}

// head writes the header of a family to b.
func (e *ethernet) head(b []byte, family int) {
	_ = b[ethernetLen-1]
	copy(b, e.heads[family][:])
	binary.NativeEndian.PutUint64(b, e.first[family].Load())
}

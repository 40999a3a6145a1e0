package annotate

import (
	"encoding/binary"
	"net/netip"

	"github.com/gaissmai/bart"
)

// prefixes is a database of prefixes in memory.
type prefixes struct {
	table bart.Table[*entry]
	names map[uint32]string // of autonomous systems, nil if there are none
	// inner has a bit for each IPv4 prefix of leastSame to block bits that longer ones are in. Bit
	// 1<<n + i is that of the i-th prefix of n bits.
	inner []uint64
}

// block is the length of the IPv4 prefixes whose addresses mostly have one answer.
const block = 24

// add adds a prefix. A prefix that is there keeps its entry.
func (p *prefixes) add(prefix netip.Prefix, e *entry) error {
	prefix = plain(prefix)
	full := p.table.Size() >= mostPrefixes
	p.table.Modify(prefix, func(was *entry, ok bool) (*entry, bool) {
		switch {
		case ok:
			return was, false
		case full:
			return nil, true
		}
		return e, false
	})
	if full {
		return tooMany()
	}
	p.divide(prefix)
	return nil
}

// plain returns a prefix without host bits, and that of IPv4 if it is IPv4-mapped.
func plain(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// divide records that prefixes have a longer one in them.
func (p *prefixes) divide(prefix netip.Prefix) {
	if !prefix.Addr().Is4() || prefix.Bits() <= leastSame {
		return
	}
	if p.inner == nil {
		p.inner = make([]uint64, 2<<block/64)
	}
	b := prefix.Addr().As4()
	for n := leastSame; n <= min(block, prefix.Bits()-1); n++ {
		i := innerBit(b, n)
		p.inner[i/64] |= 1 << (i % 64)
	}
}

// innerBit returns the number of the bit of the prefix of n bits that an address is in.
func innerBit(addr [4]byte, n int) uint32 { return 1<<n + binary.BigEndian.Uint32(addr[:])>>(32-n) }

// same returns the field of that name of a match.
func (p *prefixes) same(a netip.Addr) int {
	switch {
	case !a.Is4():
		return a.BitLen()
	case p.inner == nil:
		return leastSame
	}
	b := a.As4()
	for n := leastSame; n <= block; n++ {
		if i := innerBit(b, n); p.inner[i/64]>>(i%64)&1 == 0 {
			return n
		}
	}
	return a.BitLen()
}

// find implements finder.
func (p *prefixes) find(a netip.Addr) (match, error) {
	m := match{same: p.same(a)}
	if prefix, e, ok := p.table.LookupPrefixLPM(netip.PrefixFrom(a, a.BitLen())); ok {
		m.entry, m.prefix = e, prefix
	}
	return m, nil
}

// nameOf implements namer.
func (p *prefixes) nameOf(asn uint32) string { return p.names[asn] }

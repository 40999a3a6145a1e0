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
	fine  []uint64          // a bit for each /24 with longer prefixes, nil if there are none
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
	if prefix.Bits() > block {
		p.divide(prefix.Addr())
	}
	return nil
}

// divide records that the addresses around one have several answers.
func (p *prefixes) divide(a netip.Addr) {
	if !a.Is4() {
		return
	}
	if p.fine == nil {
		p.fine = make([]uint64, 1<<block/64)
	}
	i := blockOf(a)
	p.fine[i/64] |= 1 << (i % 64)
}

// blockOf returns the number of the /24 of an IPv4 address.
func blockOf(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:]) >> (32 - block)
}

// same is that of a match.
func (p *prefixes) same(a netip.Addr) int {
	if !a.Is4() {
		return a.BitLen()
	}
	if i := blockOf(a); p.fine != nil && p.fine[i/64]>>(i%64)&1 != 0 {
		return a.BitLen()
	}
	return block
}

// plain returns a prefix without host bits, and that of IPv4 if it is IPv4-mapped.
func plain(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
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

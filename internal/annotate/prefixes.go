package annotate

import (
	"net/netip"

	"github.com/gaissmai/bart"
)

// prefixes is a database of prefixes in memory.
type prefixes struct {
	table bart.Table[*entry]
	names map[uint32]string // of autonomous systems, nil if there are none
}

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
	return nil
}

// plain returns a prefix without host bits, and that of IPv4 if it is IPv4-mapped.
func plain(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked()
}

// find implements finder.
func (p *prefixes) find(a netip.Addr) (*entry, netip.Prefix, error) {
	prefix, e, ok := p.table.LookupPrefixLPM(netip.PrefixFrom(a, a.BitLen()))
	if !ok {
		return nil, netip.Prefix{}, nil
	}
	return e, prefix, nil
}

// nameOf implements namer.
func (p *prefixes) nameOf(asn uint32) string { return p.names[asn] }

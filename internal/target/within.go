package target

import (
	"net/netip"
	"sort"

	"github.com/masstrace/masstrace/internal/probe"
)

// Within returns a target inside prefix. ok is false if there is none. The prefix has no IPv4-mapped
// address. It takes O(log² lines), and for a prefix longer than a granule as many steps as the
// granule has targets.
func (l *List) Within(prefix netip.Prefix) (a netip.Addr, ok bool) {
	lo := fromAddr(probe.AddrFrom(prefix.Masked().Addr()))
	hi := lo.Or(lowBits(uint(prefix.Addr().BitLen() - prefix.Bits())))
	x := &l.v6
	if prefix.Addr().Is4() {
		x = &l.v4
	}
	v, ok := x.within(span{lo, hi})
	if !ok {
		return netip.Addr{}, false
	}
	return toAddr(v).Netip(), true
}

// within returns a target inside s. Targets ascend by granule only.
func (x *index) within(s span) (v u128, ok bool) {
	low := lowBits(x.shift)
	first := sort.Search(int(x.total), func(i int) bool { return !x.at(uint64(i)).Or(low).Less(s.lo) })
	for i := uint64(first); i < x.total; i++ {
		v = x.at(i)
		if !v.Less(s.lo) && !s.hi.Less(v) {
			return v, true
		}
		if s.hi.Less(v.AndNot(low)) {
			break
		}
	}
	return u128{}, false
}

package target

import (
	"cmp"
	"fmt"
	"slices"
	"unsafe"

	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/probe"
)

// Config is the configuration of a List. For a number, 0 means the default.
type Config struct {
	Include *Lines
	Exclude Set // see ReservedSet
	Seed    permute.Key

	PerPrefix    uint64 // targets in each granule with enough addresses; default 1
	Granularity4 int    // prefix length of a granule in IPv4, 1 to 32; default 24
	Granularity6 int    // in IPv6, 1 to 128; default 48
	Hosts        HostRule
}

// The default lengths of the prefixes that are granules.
const (
	default4 = 24
	default6 = 48
)

// List is an ordered set of targets: IPv4 before IPv6, and ascending by granule. A granule
// contributes all of its addresses that were listed by themselves, in order. If these are fewer
// than PerPrefix, hosts that the rule chooses follow, as long as the granule has addresses. (If
// PerPrefix is at least the size of a full granule, all addresses are hosts.) The chosen hosts
// depend on the seed, the granule and its remaining addresses, and on no other granule.
type List struct {
	ranges, exclude Set
	singles         []u128 // listed by themselves, but for excluded ones; sorted
	seed            permute.Key
	v4, v6          index
}

// NewList indexes includes minus excludes. An empty list is not an error. A *HostRuleError is about
// Hosts.
func NewList(c Config) (*List, error) {
	g4, err := granularity("IPv4", c.Granularity4, default4, 32)
	if err != nil {
		return nil, err
	}
	g6, err := granularity("IPv6", c.Granularity6, default6, 128)
	if err != nil {
		return nil, err
	}
	singles := c.Include.split(c.Exclude)
	l := &List{ranges: Set{c.Include.spans}, singles: singles, exclude: c.Exclude, seed: c.Seed}
	hosts, per := permute.NewFamily(c.Seed.Derive("hosts")), max(c.PerPrefix, 1)
	listed4, listed6 := byFamily(l.ranges.spans, func(s span) u128 { return s.lo })
	l.v4 = index{hosts: &hosts, rule: c.Hosts, listed: listed4, per: per, shift: uint(32 - g4)}
	l.v6 = index{hosts: &hosts, rule: c.Hosts, listed: listed6, per: per, shift: uint(128 - g6)}

	spans4, spans6 := byFamily(l.ranges.Minus(c.Exclude).spans, func(s span) u128 { return s.lo })
	singles4, singles6 := byFamily(singles, func(v u128) u128 { return v })
	if err := cmp.Or(c.checkHosts(spans4), l.v4.checkNumber(c.Exclude), l.v6.checkNumber(c.Exclude)); err != nil {
		return nil, err
	}
	if err := l.v4.build(spans4, singles4); err != nil {
		return nil, err
	}
	if err := l.v6.build(spans6, singles6); err != nil {
		return nil, err
	}
	if l.v4.total+l.v6.total > 1<<63-1 {
		return nil, errTooMany
	}
	return l, nil
}

func granularity(family string, got, byDefault, most int) (int, error) {
	switch {
	case got == 0:
		return byDefault, nil
	case got < 0 || got > most:
		return 0, fmt.Errorf("%s granularity %d is not a prefix length from 1 to %d", family, got, most)
	}
	return got, nil
}

// byFamily splits a slice sorted by address, in which IPv4 lies between IPv6 addresses.
func byFamily[E any](s []E, address func(E) u128) (s4, s6 []E) {
	from, _ := slices.BinarySearchFunc(s, mapped.lo, func(e E, v u128) int { return address(e).Cmp(v) })
	to, _ := slices.BinarySearchFunc(s, mapped.hi.Add(one), func(e E, v u128) int { return address(e).Cmp(v) })
	if from == 0 {
		return s[:to], s[to:]
	}
	return s[from:to], slices.Concat(s[:from], s[to:])
}

// Octets returns the memory of the list and its index.
func (l *List) Octets() uint64 {
	return uint64(len(l.singles))*uint64(unsafe.Sizeof(u128{})) + l.v4.octets() + l.v6.octets() +
		uint64(len(l.ranges.spans)+len(l.exclude.spans))*uint64(unsafe.Sizeof(span{}))
}

// Len returns the number of targets, at most 2⁶³−1.
func (l *List) Len() uint64 { return l.v4.total + l.v6.total }

// Len4 returns how many of them are IPv4; they come first.
func (l *List) Len4() uint64 { return l.v4.total }

// At returns target number i, in O(log lines). It panics if i is not below Len.
func (l *List) At(i uint64) probe.Addr {
	switch {
	case i < l.v4.total:
		return toAddr(l.v4.at(i))
	case i < l.Len():
		return toAddr(l.v6.at(i - l.v4.total))
	}
	panic("target: index is not below Len")
}

// IndexOf returns the i for which At(i) is a, in O(log lines). ok is false if there is none,
// because a is not a target.
func (l *List) IndexOf(a probe.Addr) (i uint64, ok bool) {
	v := fromAddr(a)
	if is4(v) {
		return l.v4.indexOf(v)
	}
	i, ok = l.v6.indexOf(v)
	return i + l.v4.total, ok
}

// Contains reports whether a is in includes minus excludes, target or not. It searches the given
// sets and not the index, so that it is an independent check of the index.
func (l *List) Contains(a probe.Addr) bool {
	v := fromAddr(a)
	_, listed := slices.BinarySearchFunc(l.singles, v, u128.Cmp)
	return (listed || l.ranges.contains(v)) && !l.exclude.contains(v)
}

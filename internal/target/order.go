package target

import (
	"fmt"

	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/probe"
)

// OrderConfig selects the part of a permuted list that an Order covers. The zero value selects all
// of it.
type OrderConfig struct {
	Shard  uint64 // from 0
	Shards uint64 // 0 means 1
	// MaxTargets cuts the permuted list before it is divided into shards; 0 means no cut. All
	// shards together have the first MaxTargets targets of the seed's order, each about its
	// n-th part.
	MaxTargets uint64
	// Together is how many neighbours of the list stay neighbours, at most; 0 means 1. These are
	// addresses of one prefix, if each has so many targets. Shards divide such groups, and the
	// group at the end of the list, with fewer addresses, comes last.
	Together uint64
}

// Order is a shard of a List in the order in which it is probed. The list is permuted by a keyed
// bijection P of the seed. Shard s of n takes each n-th target: At(pos) is the list's P(pos·n +
// s). The shards of one seed are residue classes and thus disjoint and complete. With
// OrderConfig.Together, P permutes the groups.
type Order struct {
	list          *List
	perm          permute.Permutation // of groups
	shard, shards uint64
	group         uint64 // targets of a group
	permuted      uint64 // targets of whole groups
	limit         uint64 // positions over all shards
	length        uint64
}

// Order returns the shard that c selects.
func (l *List) Order(c OrderConfig) (*Order, error) {
	group := max(c.Together, 1)
	groups := l.Len() / group
	o := &Order{
		list:     l,
		perm:     permute.New(l.seed.Derive("order"), groups),
		shard:    c.Shard,
		shards:   max(c.Shards, 1),
		group:    group,
		permuted: groups * group,
		limit:    l.Len(),
	}
	if o.shard >= o.shards {
		return nil, fmt.Errorf("shard %d is not below the number of shards, %d", o.shard, o.shards)
	}
	if c.MaxTargets != 0 {
		o.limit = min(o.limit, c.MaxTargets)
	}
	whole, rest := o.limit/group, o.limit%group
	if o.shard < whole {
		o.length = ((whole-o.shard-1)/o.shards + 1) * group
	}
	if whole%o.shards == o.shard {
		o.length += rest
	}
	return o, nil
}

// Len returns the number of positions.
func (o *Order) Len() uint64 { return o.length }

// At returns the target at pos. It panics if pos is not below Len. It does not
// allocate.
func (o *Order) At(pos uint64) probe.Addr {
	if pos >= o.length {
		panic("target: position is not below Len")
	}
	if o.group > 1 {
		return o.list.At(o.grouped(pos))
	}
	return o.list.At(o.perm.At(pos*o.shards + o.shard))
}

// grouped returns the index of the target at pos.
func (o *Order) grouped(pos uint64) uint64 {
	group, place := pos/o.group*o.shards+o.shard, pos%o.group
	if i := group*o.group + place; i >= o.permuted {
		return i
	}
	return o.perm.At(group)*o.group + place
}

// PositionOf returns the pos for which At(pos) is a. ok is false if there is none: a is not a
// target, or is in another shard, or is beyond MaxTargets. It does not allocate.
func (o *Order) PositionOf(a probe.Addr) (pos uint64, ok bool) {
	i, ok := o.list.IndexOf(a)
	if !ok {
		return 0, false
	}
	if o.group > 1 {
		return o.groupedPosition(i)
	}
	at := o.perm.Inverse(i)
	if at >= o.limit {
		return 0, false
	}
	if o.shards == 1 {
		return at, true
	}
	if at%o.shards != o.shard {
		return 0, false
	}
	return at / o.shards, true
}

// groupedPosition is PositionOf, for the index of a target.
func (o *Order) groupedPosition(i uint64) (pos uint64, ok bool) {
	group, place := i/o.group, i%o.group
	if i < o.permuted {
		group = o.perm.Inverse(group)
	}
	if group*o.group+place >= o.limit || group%o.shards != o.shard {
		return 0, false
	}
	return group/o.shards*o.group + place, true
}

package plan

import (
	"strings"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
)

// LeftOut counts the addresses of the lists that the exclusions of the index removed, nil if they
// removed none. Its time depends on the number of lines, not on that of addresses.
func (p *Plan) LeftOut() *record.LeftOut {
	listed := p.Include.Set()
	public := listed
	if !p.AllowReserved {
		public = listed.Minus(target.ReservedSet())
	}
	left := public.Minus(p.Exclude)
	out := record.LeftOut{SpecialPurpose: p.removed(listed, public), Excluded: p.removed(public, left)}
	if out == (record.LeftOut{}) {
		return nil
	}
	return &out
}

// removed counts the addresses of the first set that are not in the second, a part of it.
func (p *Plan) removed(all, left target.Set) record.Removed {
	return record.Removed{
		Prefixes:  min(all.Emptied(left, p.Granularity4, p.Granularity6), record.MostRemoved),
		Addresses: min(all.Minus(left).Len(), record.MostRemoved),
	}
}

// emptyWords is the error about lists without any target.
func (p *Plan) emptyWords() string {
	switch len(p.lists) {
	case 0:
		return "the list has no target"
	case 1:
		if p.lists[0] == "-" {
			return "standard input has no target"
		}
		return p.lists[0] + " has no target"
	}
	return "no target in any of " + strings.Join(p.lists, ", ")
}

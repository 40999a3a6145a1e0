package plan

import (
	"strings"

	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
)

// LeftOut counts the addresses of the lists that the exclusions of the index removed, nil if they
// removed none. Its time depends on the number of lines, not on that of addresses.
func (p *Plan) LeftOut() *record.LeftOut {
	var reserved target.Set
	if !p.AllowReserved {
		reserved = target.ReservedSet()
	}
	listed, public := p.count(), p.count(reserved)
	out := record.LeftOut{SpecialPurpose: removed(listed, public), Excluded: removed(public, p.count(reserved, p.Exclude))}
	if out == (record.LeftOut{}) {
		return nil
	}
	return &out
}

// count counts the addresses of the lists that are in none of some sets.
func (p *Plan) count(without ...target.Set) target.Count {
	return p.Include.Count(p.Granularity4, p.Granularity6, without...)
}

// removed counts the addresses of the first Count that are not in the second, a part of it.
func removed(all, left target.Count) record.Removed {
	addresses, prefixes := all.Minus(left)
	return record.Removed{Prefixes: min(prefixes, record.MostRemoved), Addresses: min(addresses, record.MostRemoved)}
}

// emptyWords is the error about lists without any target.
func (p *Plan) emptyWords() string {
	if p.family != intake.Both {
		return map[intake.Family]string{intake.IPv4: "no target is of IPv4", intake.IPv6: "no target is of IPv6"}[p.family]
	}
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

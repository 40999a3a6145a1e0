package report

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/masstrace/masstrace/internal/compare"
	"github.com/masstrace/masstrace/internal/probe"
)

// comparison is what a page has of a comparison, beside columns.
type comparison struct {
	*compare.Result
	Kinds         []string `json:"kinds"`
	Changed       int      `json:"changed"`        // paths, also those to targets that are not in the page
	OtherEnds     int      `json:"other_ends"`     // likewise
	OnChanged     [4]int   `json:"on_changed"`     // interfaces gone and new, links gone and new
	Parts         []part   `json:"parts"`          // targets that changed together
	Systems       []string `json:"systems"`        // lists of autonomous systems, from 1
	Ends          []string `json:"ends"`           // names of ends
	ChangedGroups int      `json:"changed_groups"` // groups with changes, also those that are not in Groups
}

// part is a prefix whose targets changed together.
type part struct {
	Prefix    string  `json:"prefix"`
	Witnesses int     `json:"witnesses"`
	Chance    float64 `json:"chance"`
}

// mostGroups is the number of groups in a page.
const mostGroups = 1000

// shown returns the changes, and the other ends, of the targets that are in the page.
func (c *compared) shown(g *gathering) (changes []*compare.Change, ends []*compare.Verdict) {
	is := map[probe.Addr]bool{}
	for i := range g.paths {
		is[g.book.addrs[g.paths[i].target].addr] = true
	}
	for i := range c.result.Changes {
		if one := &c.result.Changes[i]; is[probe.AddrFrom(one.Target)] {
			changes = append(changes, one)
		}
	}
	for i := range c.result.Verdicts {
		if one := &c.result.Verdicts[i]; is[probe.AddrFrom(one.Target)] {
			ends = append(ends, one)
		}
	}
	return changes, ends
}

// number adds the addresses of the changes to the book. Some are in records of multipath alone.
func (c *compared) number(g *gathering) {
	changes, _ := c.shown(g)
	for _, one := range changes {
		for _, a := range []netip.Addr{one.After, one.Old, one.New} {
			if a.IsValid() {
				g.book.number(probe.AddrFrom(a), nil)
			}
		}
	}
}

// encodeCompared adds the columns of the comparison, after sortBook.
func (g *gathering) encodeCompared(c *columns, h *header) {
	if g.compared == nil {
		return
	}
	r := *g.compared.result
	out := &comparison{
		Result: &r, Changed: len(r.Changes), OtherEnds: len(r.Verdicts), Parts: []part{}, Systems: []string{}, Ends: []string{},
		OnChanged: [4]int{len(r.Interfaces.ChangedGone), len(r.Interfaces.ChangedNew), len(r.Links.ChangedGone), len(r.Links.ChangedNew)},
	}
	changes, ends := g.compared.shown(g)
	r.Changes, r.Verdicts, r.Interfaces.ChangedGone, r.Interfaces.ChangedNew, r.Links.ChangedGone, r.Links.ChangedNew = nil, nil, nil, nil, nil, nil
	for _, group := range r.Groups {
		if group.Changed > 0 {
			out.ChangedGroups++
		}
	}
	r.Groups = r.Groups[:min(len(r.Groups), mostGroups)]
	for _, k := range compare.Kinds() {
		out.Kinds = append(out.Kinds, k.String())
	}
	h.Comparison = out
	number := func(a netip.Addr) uint32 {
		if n, ok := g.book.numbers[probe.AddrFrom(a)]; ok && a.IsValid() {
			return n
		}
		return noAddress
	}
	c.add("kind", "u8", len(g.paths), func(i int) uint32 {
		return uint32(g.compared.kinds[g.book.addrs[g.paths[i].target].addr])
	})
	column := func(name, typ string, value func(one *compare.Change) uint32) {
		c.add("change."+name, typ, len(changes), func(i int) uint32 { return value(changes[i]) })
	}
	parts, systems := map[part]uint32{}, newDictionary()
	column("dst", "u32", func(one *compare.Change) uint32 { return number(one.Target) })
	column("ttl", "u8", func(one *compare.Change) uint32 { return uint32(one.TTL) })
	column("after", "u32", func(one *compare.Change) uint32 { return number(one.After) })
	column("old", "u32", func(one *compare.Change) uint32 { return number(one.Old) })
	column("new", "u32", func(one *compare.Change) uint32 { return number(one.New) })
	column("part", "u32", func(one *compare.Change) uint32 {
		p := part{one.Prefix.String(), one.Witnesses, one.Chance}
		n, ok := parts[p]
		if !ok {
			n = uint32(len(out.Parts))
			parts[p] = n
			out.Parts = append(out.Parts, p)
		}
		return n
	})
	column("left", "u16", func(one *compare.Change) uint32 { return uint32(systems.number(systemsText(one.Left))) })
	column("entered", "u16", func(one *compare.Change) uint32 { return uint32(systems.number(systemsText(one.Entered))) })
	out.Systems = append(out.Systems, systems.texts...)
	names := newDictionary()
	c.add("end.dst", "u32", len(ends), func(i int) uint32 { return number(ends[i].Target) })
	c.add("end.old", "u16", len(ends), func(i int) uint32 { return uint32(names.number(ends[i].Old)) })
	c.add("end.new", "u16", len(ends), func(i int) uint32 { return uint32(names.number(ends[i].New)) })
	out.Ends = append(out.Ends, names.texts...)
}

// systemsText returns a list of autonomous systems as text.
func systemsText(list []uint32) string {
	var b strings.Builder
	for i, as := range list {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "AS%d", as)
	}
	return b.String()
}

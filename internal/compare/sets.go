package compare

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

const (
	inOld = 1 << iota
	inNew
	onChanged // path
)

// sets finds the interfaces and links of one scan alone.
func (c *comparison) sets() {
	changed := make(map[netip.Addr]bool, len(c.result.Changes))
	for i := range c.result.Changes {
		changed[c.result.Changes[i].Target] = true
	}
	interfaces := make([]uint8, len(c.names.addrs))
	links := map[[2]id]uint8{}
	for i := range c.rows {
		r := &c.rows[i]
		mark := uint8(0)
		if len(changed) > 0 && changed[c.addr(r.target)] {
			mark = onChanged
		}
		for k := range c.scans {
			for _, p := range c.paths(r, k) {
				c.mark(&p, k, mark|1<<k, interfaces, links)
			}
		}
	}
	for a, is := range interfaces {
		if is != 0 {
			c.result.Interfaces.add(is, func() string { return c.addr(id(a)).String() })
		}
	}
	for l, is := range links {
		c.result.Links.add(is, func() string { return fmt.Sprint(c.addr(l[0]), " ", c.addr(l[1])) })
	}
	for _, d := range []*Difference{&c.result.Interfaces, &c.result.Links} {
		slices.SortFunc(d.ChangedGone, cmp.Compare[string])
		slices.SortFunc(d.ChangedNew, cmp.Compare[string])
	}
}

// mark marks the interfaces and links of a path. The target is no interface.
func (c *comparison) mark(p *path, k int, mark uint8, interfaces []uint8, links map[[2]id]uint8) {
	h := c.scans[k].of(p)
	for i, a := range h.ids {
		if a == p.target {
			continue
		}
		interfaces[a] |= mark
		if i > 0 && !p.nodes && h.ttls[i] == h.ttls[i-1]+1 && h.ids[i-1] != a && h.ids[i-1] != p.target {
			links[[2]id{h.ids[i-1], a}] |= mark
		}
	}
}

// add counts an interface or a link.
func (d *Difference) add(is uint8, name func() string) {
	switch is &^ onChanged {
	case inOld | inNew:
		d.Both++
	case inOld:
		if d.Gone++; is&onChanged != 0 {
			d.ChangedGone = append(d.ChangedGone, name())
		}
	case inNew:
		if d.New++; is&onChanged != 0 {
			d.ChangedNew = append(d.ChangedNew, name())
		}
	}
}

// groups puts the changes of targets together.
func (c *comparison) groups() {
	if c.by == ByTarget {
		return
	}
	all := map[string]*Group{}
	var order []*Group
	of := func(i id) *Group {
		name := c.group(i)
		g := all[name]
		if g == nil {
			g = &Group{Name: name}
			all[name] = g
			order = append(order, g)
		}
		return g
	}
	next := 0
	for i := range c.rows {
		g := of(c.rows[i].target)
		g.Compared++
		if next < len(c.result.Changes) && c.result.Changes[next].Target == c.addr(c.rows[i].target) {
			g.Changed++
			next++
		}
	}
	slices.SortStableFunc(order, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(b.Changed, a.Changed), cmp.Compare(b.Compared, a.Compared))
	})
	for _, g := range order {
		c.result.Groups = append(c.result.Groups, *g)
	}
}

// group returns the name of the group of a target.
func (c *comparison) group(i id) string {
	if c.by == ByAS {
		if as := c.names.as[i]; as != 0 {
			return fmt.Sprint("AS", as)
		}
		return "AS unknown"
	}
	a := c.addr(i)
	length := 24
	if a.Is6() {
		length = 48
	}
	return netip.PrefixFrom(a, length).Masked().String()
}

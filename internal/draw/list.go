package draw

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// diamond draws the levels from a to before b.
func (d *drawing) diamond(a, b int) {
	if d.columns(a, b) || d.chains(a, b) {
		return
	}
	for i := a; i < b; i++ {
		d.list(i)
	}
}

// chains draws branches that have no links with each other, one in a line, from level a to before
// b. It reports false, and draws nothing, if there are other links.
func (d *drawing) chains(a, b int) bool {
	levels := d.graph.levels[a:b]
	if len(levels) < 2 {
		return false
	}
	for i := range levels {
		for _, n := range levels[i].nodes {
			if i > 0 && len(n.nears) != 1 || i < len(levels)-1 && len(n.fars) != 1 {
				return false
			}
		}
	}
	first := &levels[0]
	all := 0
	for _, n := range first.nodes {
		all += n.flows
	}
	d.line(fmt.Sprintf("%2d  %s to TTL %d", first.ttl, branches(len(first.nodes)), levels[len(levels)-1].ttl))
	for _, n := range first.nodes {
		text := fmt.Sprintf("%s  %s", share(n.flows, all), d.label(n))
		for at := n; at.ttl < levels[len(levels)-1].ttl; {
			at = at.fars[0]
			text += " " + d.signs.arrow + " " + d.label(at)
		}
		d.wrapped(text)
	}
	return true
}

// list writes a level as a list. Each node has its share of the flows, and the nodes that it
// leads to unless all lead to the same.
func (d *drawing) list(i int) {
	l := &d.graph.levels[i]
	all := 0
	for _, n := range l.nodes {
		all += n.flows
	}
	d.line(fmt.Sprintf("%2d  %s", l.ttl, d.census(l)))
	items := make([]string, len(l.nodes))
	plain := true // no item has an arrow
	for j, n := range l.nodes {
		items[j] = fmt.Sprintf("%s  %s", share(n.flows, all), d.label(n))
		if to := d.leads(i, n); to != "" {
			items[j], plain = items[j]+" "+d.signs.arrow+" "+to, false
		}
	}
	if plain {
		d.grid(items)
		return
	}
	for _, item := range items {
		d.wrapped(item)
	}
}

// census counts the nodes of a level.
func (d *drawing) census(l *level) string {
	text := count(l.routers(), "router")
	if l.routers() < len(l.nodes) {
		text += " and silence"
	}
	return text
}

// share returns the share of some flows in percent, 4 characters wide.
func share(flows, all int) string {
	if all == 0 {
		return "   -"
	}
	percent := float64(flows) * 100 / float64(all)
	if percent > 0 && percent < 1 {
		return " <1%"
	}
	return fmt.Sprintf("%3.0f%%", percent)
}

// leads names the nodes that n leads to, "" if that is clear: there is one at the next TTL.
func (d *drawing) leads(i int, n *node) string {
	if i+1 == len(d.graph.levels) || d.graph.levels[i+1].single() {
		return ""
	}
	next := &d.graph.levels[i+1]
	switch len(n.fars) {
	case 0:
		return ""
	case len(next.nodes):
		return fmt.Sprintf("all %d", len(n.fars))
	}
	names := make([]string, len(n.fars))
	for j, far := range n.fars {
		names[j] = "*"
		if !far.addr.IsZero() {
			names[j] = far.addr.String()
		}
	}
	return strings.Join(names, ", ")
}

// grid writes items of similar width in columns.
func (d *drawing) grid(items []string) {
	width := 0
	for _, item := range items {
		width = max(width, utf8.RuneCountInString(item))
	}
	across := max((d.opt.Width-margin-2+gap)/(width+gap), 1)
	down := (len(items) + across - 1) / across
	for y := range down {
		row := newRow(0)
		for x := 0; x*down+y < len(items); x++ {
			row.put(margin+2+x*(width+gap), items[x*down+y])
		}
		d.line(row.String())
	}
}

// wrapped writes an item that may take several lines.
func (d *drawing) wrapped(item string) {
	d.fold(strings.Repeat(" ", margin+2), strings.Repeat(" ", margin+2+6), item)
}

// fold writes a text whose lines end after words. first is before the first line, next before
// others.
func (d *drawing) fold(first, next, text string) {
	line, empty := first, true
	for _, word := range strings.SplitAfter(text, " ") {
		if !empty && utf8.RuneCountInString(line)+utf8.RuneCountInString(strings.TrimRight(word, " ")) > d.opt.Width {
			d.line(line)
			line = next
		}
		line, empty = line+word, false
	}
	d.line(line)
}

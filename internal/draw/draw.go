// Package draw draws all paths to a target: as text for people, and as a graph in the language of
// Graphviz.
//
// A TTL with one router is a line, as in traceroute. Several TTLs in a row with several routers
// are a diamond. Its branches are columns side by side if they fit, and a list if they do not.
package draw

import (
	"fmt"
	"io"
	"strings"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Options are choices of a drawing.
type Options struct {
	Width int  // columns of text; 0 is 80
	ASCII bool // no characters beyond ASCII
	// RTT returns the round-trip time of an answer in ns; ok is false if it is not known. nil
	// knows none.
	RTT func(ttl uint8, addr probe.Addr) (ns int64, ok bool)
	// Name returns the name of an address, "" if it has none. nil has no names.
	Name func(probe.Addr) string
}

const (
	defaultWidth = 80
	leastWidth   = 40
)

// Text writes the paths of m as text. m is not changed.
func Text(w io.Writer, m *record.Multipath, o Options) error {
	if o.Width == 0 {
		o.Width = defaultWidth
	}
	o.Width = max(o.Width, leastWidth)
	d := &drawing{m: m, opt: &o, signs: &boxes, graph: newGraph(m)}
	if o.ASCII {
		d.signs = &ascii
	}
	d.mark()
	d.heading()
	levels := d.graph.levels
	for i := 0; i < len(levels); {
		if levels[i].single() {
			d.single(&levels[i])
			i++
			continue
		}
		to := i
		for to < len(levels) && !levels[to].single() {
			to++
		}
		d.diamond(i, to)
		i = to
	}
	d.notes()
	_, err := io.WriteString(w, d.b.String())
	return err
}

// drawing is one run of Text.
type drawing struct {
	m     *record.Multipath
	opt   *Options
	signs *signs
	graph *graph
	marks map[place]int // numbers of balancers, from 1
	b     strings.Builder
}

// mark numbers the balancers.
func (d *drawing) mark() {
	d.marks = make(map[place]int, len(d.m.Balancers))
	for i := range d.m.Balancers {
		b := &d.m.Balancers[i]
		d.marks[place{b.TTL, b.Addr}] = i + 1
	}
}

// line writes a line without blanks at its end.
func (d *drawing) line(text string) {
	d.b.WriteString(strings.TrimRight(text, " "))
	d.b.WriteByte('\n')
}

// heading writes the first line.
func (d *drawing) heading() {
	routers, links := 0, 0
	for i := range d.graph.levels {
		routers += d.graph.levels[i].routers()
	}
	for i := range d.m.Links {
		if l := &d.m.Links[i]; !l.Near.IsZero() && !l.Far.IsZero() && !l.Remapped {
			links++
		}
	}
	d.line(fmt.Sprintf("all paths to %v over %v: %s, %s, %s", d.m.Target, d.m.Method,
		count(routers, "node"), count(links, "link"), count(d.m.Probes, "probe")))
}

// count returns a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// margin is the width of the column of TTLs, with the blanks after it.
const margin = 4

// label returns the text of a node.
func (d *drawing) label(n *node) string {
	if n.addr.IsZero() {
		return "*"
	}
	text := n.addr.String()
	if mark := d.marks[place{n.ttl, n.addr}]; mark > 0 {
		text += fmt.Sprintf(" [%d]", mark)
	}
	return text
}

// rtt returns the round-trip time of a node as text, "" if it is not known.
func (d *drawing) rtt(n *node) string {
	if d.opt.RTT == nil || n.addr.IsZero() {
		return ""
	}
	ns, ok := d.opt.RTT(n.ttl, n.addr)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%.3f ms", float64(ns)/1e6)
}

// single writes the line of a TTL with one node.
func (d *drawing) single(l *level) {
	n := l.nodes[0]
	text := d.label(n)
	if d.opt.Name != nil && !n.addr.IsZero() {
		if name := d.opt.Name(n.addr); name != "" {
			text += "  " + name
		}
	}
	if rtt := d.rtt(n); rtt != "" {
		text += "  " + rtt
	}
	d.line(fmt.Sprintf("%2d  %s", l.ttl, text))
}

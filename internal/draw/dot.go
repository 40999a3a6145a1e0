package draw

import (
	"fmt"
	"io"
	"strings"

	"github.com/masstrace/masstrace/internal/record"
)

// Dot writes the paths of m as a directed graph in the language of Graphviz. A TTL is a row of
// nodes. The pen of a link is as wide as its share of the flows. Balancers have a double frame,
// and their kind, width and confidence. Links that only moved flows took are dashed.
func Dot(w io.Writer, m *record.Multipath, o Options) error {
	d := &dot{drawing: drawing{m: m, opt: &o, signs: &boxes, graph: newGraph(m)}}
	d.mark()
	d.printf("digraph %s {\n", quoted(fmt.Sprintf("paths to %v", m.Target)))
	d.printf("  node [shape=box, fontname=\"monospace\"];\n  edge [fontname=\"monospace\"];\n")
	for i := range d.graph.levels {
		d.level(&d.graph.levels[i])
	}
	for i := range d.graph.levels {
		for _, n := range d.graph.levels[i].nodes {
			d.links(n)
		}
	}
	for i := range m.Links {
		if l := &m.Links[i]; l.Remapped && l.TTL > 0 && l.TTL < 255 {
			d.printf("  %s -> %s [label=%s, style=dashed];\n",
				place{l.TTL, l.Near}.id(), place{l.TTL + 1, l.Far}.id(), quoted(fmt.Sprintf("%d moved", l.Flows)))
		}
	}
	d.printf("}\n")
	_, err := io.WriteString(w, d.b.String())
	return err
}

// dot is one run of Dot.
type dot struct{ drawing }

func (d *dot) printf(format string, args ...any) { fmt.Fprintf(&d.b, format, args...) }

// id returns the name of a node in the graph.
func (p place) id() string {
	if p.addr.IsZero() {
		return quoted(fmt.Sprintf("%d *", p.ttl))
	}
	return quoted(fmt.Sprintf("%d %v", p.ttl, p.addr))
}

// quoted returns a string of the language. A backslash would begin an escape.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

func (d *dot) level(l *level) {
	d.printf("  { rank=same;\n")
	for _, n := range l.nodes {
		label := fmt.Sprintf("%d  *", n.ttl)
		style := ", style=dotted"
		if !n.addr.IsZero() {
			label, style = fmt.Sprintf("%d  %v", n.ttl, n.addr), ""
		}
		if d.opt.Name != nil && !n.addr.IsZero() {
			if name := d.opt.Name(n.addr); name != "" {
				label += "\n" + name
			}
		}
		if rtt := d.rtt(n); rtt != "" {
			label += "\n" + rtt
		}
		if mark := d.marks[n.place]; mark > 0 {
			b := &d.m.Balancers[mark-1]
			label += fmt.Sprintf("\n%d wide %s, %s sure", b.Width, kinds[b.Kind], percent(b.Confidence))
			if b.State != record.BalancerComplete {
				label += "\n" + states[b.State]
			}
			style = ", peripheries=2"
		}
		d.printf("    %s [label=%s%s];\n", n.id(), quoted(label), style)
	}
	d.printf("  }\n")
}

func (d *dot) links(n *node) {
	for i, far := range n.fars {
		width := 1.0
		if n.within > 0 && len(n.fars) > 1 {
			width += 4 * float64(n.share[i]) / float64(n.within)
		}
		d.printf("  %s -> %s [label=%s, penwidth=%.2f];\n", n.id(), far.id(), quoted(fmt.Sprint(n.share[i])), width)
	}
}

package linkgraph

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
)

// The picture has a column for each TTL, from left to right. Within its column, a node is near
// the mean of its neighbours. So the paths run from left to right, and few links cross. The time
// grows with the number of links.
const (
	columnWidth = 150.0
	rowHeight   = 18.0
	smallColumn = 60.0 // without labels
	smallRow    = 7.0
	mostLabels  = 300 // nodes with labels
	sweeps      = 12
	margin      = 30.0
)

// place is a node in the picture.
type place struct{ x, y float64 }

// SVG writes a picture of the graph. A node has its text and counts as a tooltip. Colours follow
// the autonomous system.
func (g *Graph) SVG(w io.Writer) error {
	out := bufio.NewWriter(w)
	places, width, height := g.layout()
	fmt.Fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\">\n", width, height, width, height)
	fmt.Fprintf(out, "<title>%d nodes, %d links, by TTL from left to right</title>\n", len(g.Nodes), len(g.Links))
	fmt.Fprint(out, "<style>text{font:9px sans-serif;fill:#222}path{fill:none;stroke:#8a8f98;stroke-opacity:.55}circle{stroke:#fff;stroke-width:.6}"+
		"rect{fill:#fff}@media(prefers-color-scheme:dark){rect{fill:#16181c}text{fill:#ddd}circle{stroke:#16181c}}</style>\n")
	fmt.Fprintf(out, "<rect width=\"100%%\" height=\"100%%\"/>\n")
	most := g.mostTraces()
	for i := range g.Links {
		g.drawLink(out, &g.Links[i], places, most)
	}
	for i := range g.Nodes {
		g.drawNode(out, &g.Nodes[i], &places[i])
	}
	fmt.Fprintln(out, "</svg>")
	return out.Flush()
}

// width returns the width of a link.
func width(traces, most int) float64 {
	return 0.6 + 3.4*math.Log1p(float64(traces))/math.Log1p(float64(max(most, 1)))
}

func (g *Graph) drawLink(out io.Writer, l *Link, places []place, most int) {
	a, b := &places[l.from], &places[l.to]
	dashes := ""
	if l.Gap {
		dashes = " stroke-dasharray=\"4 3\""
	}
	bend := (b.x - a.x) / 2
	if a.x == b.x {
		bend = smallColumn / 2
	}
	fmt.Fprintf(out, "<path d=\"M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f\" stroke-width=\"%.2f\"%s><title>%s to %s: %d traces</title></path>\n",
		a.x, a.y, a.x+bend, a.y, b.x-bend, b.y, b.x, b.y, width(l.Traces, most), dashes, escaped(l.Source), escaped(l.Dest), l.Traces)
}

func (g *Graph) drawNode(out io.Writer, n *Node, p *place) {
	radius := 2 + min(math.Log1p(float64(n.Traces)), 6)/2
	fmt.Fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"%s\"><title>%s, TTL %d, %d traces</title></circle>\n",
		p.x, p.y, radius, colour(n.ASN), escaped(n.label()), n.TTL, n.Traces)
	if len(g.Nodes) <= mostLabels {
		fmt.Fprintf(out, "<text x=\"%.1f\" y=\"%.1f\">%s</text>\n", p.x+radius+2, p.y-3, escaped(n.ID))
	}
}

// colour returns the colour of a system: hues far apart for near numbers.
func colour(asn uint32) string {
	if asn == 0 {
		return "#4a7ab5"
	}
	return fmt.Sprintf("hsl(%d,55%%,48%%)", uint64(asn)*137%360)
}

// layout returns the places of the nodes, and the size of the picture.
func (g *Graph) layout() (places []place, w, h float64) {
	columns := g.columns()
	dx, dy := columnWidth, rowHeight
	if len(g.Nodes) > mostLabels {
		dx, dy = smallColumn, smallRow
	}
	tallest := 0
	for _, c := range columns {
		tallest = max(tallest, len(c))
	}
	h = max(float64(tallest)*dy, 200) + 2*margin
	w = float64(max(len(columns)-1, 0))*dx + 2*margin
	if len(g.Nodes) <= mostLabels {
		w += columnWidth / 2
	}
	places = make([]place, len(g.Nodes))
	for x, c := range columns {
		for i, n := range c {
			places[n].x = margin + float64(x)*dx
			places[n].y = margin + (h-2*margin)*(float64(i)+0.5)/float64(len(c))
		}
	}
	return places, w, h
}

// columns returns the nodes of each column, from top to bottom.
func (g *Graph) columns() (columns [][]int) {
	var last uint8
	for i := range g.Nodes { // by TTL
		if ttl := g.Nodes[i].TTL; i == 0 || ttl != last {
			columns, last = append(columns, nil), ttl
		}
		columns[len(columns)-1] = append(columns[len(columns)-1], i)
	}
	at := make([]float64, len(g.Nodes)) // 0 to 1, from top to bottom
	set := func(c []int) {
		for i, n := range c {
			at[n] = (float64(i) + 0.5) / float64(len(c))
		}
	}
	for _, c := range columns {
		set(c)
	}
	neighbours := make([][]*Link, len(g.Nodes))
	for i := range g.Links {
		l := &g.Links[i]
		neighbours[l.from], neighbours[l.to] = append(neighbours[l.from], l), append(neighbours[l.to], l)
	}
	mean := make([]float64, len(g.Nodes))
	for range sweeps {
		for _, c := range columns {
			for _, n := range c {
				mean[n] = at[n]
				if len(neighbours[n]) == 0 {
					continue
				}
				sum := 0.0
				for _, l := range neighbours[n] {
					sum += at[l.from+l.to-n]
				}
				mean[n] = sum / float64(len(neighbours[n]))
			}
			slices.SortFunc(c, func(i, j int) int { return cmp.Or(cmp.Compare(mean[i], mean[j]), cmp.Compare(i, j)) })
			set(c)
		}
	}
	return columns
}

package linkgraph

import (
	"bufio"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/masstrace/masstrace/internal/plaintext"
)

// Format is a format of graphs.
type Format struct {
	Name  string
	Write func(*Graph, io.Writer) error
}

// Formats are the formats of graphs. The names are also the endings of files.
var Formats = []Format{{"dot", (*Graph).Dot}, {"graphml", (*Graph).GraphML}, {"svg", (*Graph).SVG}, {"json", (*Graph).JSON}}

// label returns the text of a node.
func (n *Node) label() string {
	text := n.ID
	for _, more := range []string{n.Name, n.ASName} {
		if more != "" {
			text += " " + more
		}
	}
	return plaintext.Line(text)
}

// Dot writes the graph in the language of Graphviz. The width of a link grows with its traces.
func (g *Graph) Dot(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "digraph masstrace {\n  rankdir=LR;\n  node [shape=box, fontname=\"monospace\"];\n")
	for i := range g.Nodes {
		n := &g.Nodes[i]
		more := ""
		if n.Target {
			more = ", style=bold"
		}
		fmt.Fprintf(out, "  %s [label=%s, tooltip=\"TTL %d, %d traces\"%s];\n", quoted(n.ID), quoted(n.label()), n.TTL, n.Traces, more)
	}
	most := g.mostTraces()
	for i := range g.Links {
		l := &g.Links[i]
		more := ""
		if l.Gap {
			more = ", style=dashed"
		}
		fmt.Fprintf(out, "  %s -> %s [penwidth=%.2f, tooltip=\"%d traces\"%s];\n", quoted(l.Source), quoted(l.Dest), width(l.Traces, most), l.Traces, more)
	}
	fmt.Fprintln(out, "}")
	return out.Flush()
}

// quoted returns a string of the language. A backslash would begin an escape.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// JSON writes an object with the lists nodes and links, as D3 and networkx read them.
func (g *Graph) JSON(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "{\"directed\":true,\"multigraph\":false,\"level\":%q,\"nodes\":[", g.Level.String())
	if err := objects(out, g.Nodes); err != nil {
		return err
	}
	fmt.Fprint(out, "],\"links\":[")
	if err := objects(out, g.Links); err != nil {
		return err
	}
	fmt.Fprintln(out, "]}")
	return out.Flush()
}

// objects writes the objects of a list, one a line.
func objects[T any](out io.Writer, list []T) error {
	for i := range list {
		text, err := json.Marshal(&list[i])
		if err != nil {
			return err
		}
		separator := ",\n"
		if i == 0 {
			separator = "\n"
		}
		fmt.Fprint(out, separator, string(text))
	}
	return nil
}

// graphMLKeys are the attributes of nodes and links.
var graphMLKeys = []struct{ name, of, kind string }{
	{"ttl", "node", "int"}, {"node_traces", "node", "int"}, {"asn", "node", "long"}, {"as_name", "node", "string"},
	{"country", "node", "string"}, {"ixp", "node", "string"}, {"name", "node", "string"}, {"is_target", "node", "boolean"},
	{"traces", "edge", "int"}, {"gap", "edge", "boolean"},
}

// GraphML writes the graph for Gephi, yEd, Cytoscape, igraph and networkx.
func (g *Graph) GraphML(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n", xml.Header)
	for _, k := range graphMLKeys {
		fmt.Fprintf(out, "  <key id=\"%[1]s\" for=\"%[2]s\" attr.name=\"%[1]s\" attr.type=\"%[3]s\"/>\n", k.name, k.of, k.kind)
	}
	fmt.Fprintln(out, "  <graph edgedefault=\"directed\">")
	for i := range g.Nodes {
		n := &g.Nodes[i]
		fmt.Fprintf(out, "    <node id=\"%s\">", escaped(n.ID))
		data(out, "ttl", n.TTL)
		data(out, "node_traces", n.Traces)
		if n.ASN != 0 {
			data(out, "asn", n.ASN)
		}
		for _, d := range [][2]string{{"as_name", n.ASName}, {"country", n.Country}, {"ixp", n.IXP}, {"name", n.Name}} {
			if d[1] != "" {
				data(out, d[0], d[1])
			}
		}
		if n.Target {
			data(out, "is_target", true)
		}
		fmt.Fprintln(out, "</node>")
	}
	for i := range g.Links {
		l := &g.Links[i]
		fmt.Fprintf(out, "    <edge source=\"%s\" target=\"%s\">", escaped(l.Source), escaped(l.Dest))
		data(out, "traces", l.Traces)
		if l.Gap {
			data(out, "gap", true)
		}
		fmt.Fprintln(out, "</edge>")
	}
	fmt.Fprint(out, "  </graph>\n</graphml>\n")
	return out.Flush()
}

func data(out io.Writer, key string, value any) {
	fmt.Fprintf(out, "<data key=\"%s\">%s</data>", key, escaped(fmt.Sprint(value)))
}

// escaped returns text for XML, without control characters.
func escaped(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(plaintext.Line(s))); err != nil {
		return ""
	}
	return b.String()
}

func (g *Graph) mostTraces() (most int) {
	for i := range g.Links {
		most = max(most, g.Links[i].Traces)
	}
	return most
}

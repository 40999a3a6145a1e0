package draw

import (
	"regexp"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// The lines of a graph, in a part of the language of Graphviz.
var (
	id       = `"(?:[^"\\]|\\.)*"`
	attrs    = `\[[a-z]+=(?:` + id + `|[a-z0-9.]+)(?:, [a-z]+=(?:` + id + `|[a-z0-9.]+))*\]`
	dotNode  = regexp.MustCompile(`^ *(` + id + `|node|edge) ` + attrs + `;$`)
	dotLink  = regexp.MustCompile(`^ *(` + id + `) -> (` + id + `) ` + attrs + `;$`)
	dotOther = regexp.MustCompile(`^(digraph ` + id + ` \{|  \{ rank=same;|  \}|\})$`)
)

// Every line of a graph is a statement, and links are between nodes of the graph.
func TestDot(t *testing.T) {
	for _, s := range samples() {
		var b strings.Builder
		o := Options{Name: func(probe.Addr) string { return "a \"b\\\nc" }}
		if s.rtt {
			o.RTT = rtts
		}
		if err := Dot(&b, s.m, o); err != nil {
			t.Fatal(err)
		}
		if s.name == "two" || s.name == "remapped" {
			golden(t, s.name+".dot", b.String())
		}
		nodes, links, open := map[string]bool{}, 0, 0
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			open += strings.Count(dotOther.FindString(line), "{") - strings.Count(dotOther.FindString(line), "}")
			switch {
			case dotLink.MatchString(line):
				links++
				ends := dotLink.FindStringSubmatch(line)
				if !nodes[ends[1]] || !nodes[ends[2]] {
					t.Errorf("%s: no node for %s", s.name, line)
				}
			case dotNode.MatchString(line):
				nodes[dotNode.FindStringSubmatch(line)[1]] = true
			case !dotOther.MatchString(line):
				t.Errorf("%s: %q is no statement", s.name, line)
			}
		}
		if links != len(s.m.Links) || open != 0 {
			t.Errorf("%s: %d links of %d, %d braces are open", s.name, links, len(s.m.Links), open)
		}
	}
}

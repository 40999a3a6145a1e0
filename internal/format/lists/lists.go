// Package lists writes sorted lists of unique lines: the addresses of interfaces, the links
// between them, and the targets that answered or did not.
//
// The lines are in the order of the octets of their text, as of sort(1) and comm(1) with
// LC_ALL=C. A Writer holds at most about 64 MB in memory. Further lines wait in temporary files,
// sorted. These have no names. TMPDIR needs room for them.
package lists

import (
	"cmp"
	"slices"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// The formats. All are only written.
var (
	// Interfaces has an address per line: the sources of all replies, except those of targets in
	// their own traces.
	Interfaces = list("interfaces", ".interfaces.txt", "", addInterfaces, "all but the addresses of interfaces")
	// Links has a pair of addresses per line, near and far: interfaces at adjacent TTLs of a
	// trace.
	Links = list("links", ".links.csv", "near,far\n", addLinks, "all but the links of traces and multipath records")
	// Answered has the targets that answered, Silent the others that were traced: lists for scan.
	Answered = targets("answered", ".answered.txt", true)
	Silent   = targets("silent", ".silent.txt", false)
)

// none is Begins of a format that is not read.
func none([]byte) bool { return false }

// key is a line before it is a text: one or two addresses.
type key struct {
	a, b probe.Addr
	flag bool // of targets: it answered
}

func list(name, ending, header string, add func(*Writer, record.Record), lacks string) format.Format {
	return format.Format{
		Name: name, Endings: []string{ending}, Begins: none, Whole: true, Lacks: []string{lacks},
		NewWriter: func(o format.Output) format.Writer {
			w := newWriter(o, header, add)
			w.line = func(line string) (string, bool) { return line, true }
			return w
		},
	}
}

func targets(name, ending string, answered bool) format.Format {
	return format.Format{
		Name: name, Endings: []string{ending}, Begins: none, Whole: true, Lacks: []string{"all but the targets"},
		NewWriter: func(o format.Output) format.Writer {
			w := newWriter(o, "", addTarget)
			w.targets, w.line = true, pick(answered)
			return w
		},
	}
}

// pick returns a filter of sorted lines with a target and a flag each. That a target answered
// comes first, as one of its lines is enough.
func pick(answered bool) func(string) (string, bool) {
	last := ""
	return func(line string) (string, bool) {
		target, flag := line[:len(line)-len(flagYes)], line[len(line)-len(flagYes):]
		if target == last {
			return "", false
		}
		last = target
		return target, (flag == flagYes) == answered
	}
}

// The ends of lines of targets. A blank is before all characters of addresses.
const flagYes, flagNo = " 0", " 1"

// appendTo appends the line of a key.
func (k *key) appendTo(b []byte, isTarget bool) []byte {
	b = k.a.Netip().AppendTo(b)
	switch {
	case isTarget && k.flag:
		b = append(b, flagYes...)
	case isTarget:
		b = append(b, flagNo...)
	case !k.b.IsZero():
		b = k.b.Netip().AppendTo(append(b, ','))
	}
	return b
}

func addInterfaces(w *Writer, r record.Record) {
	switch r := r.(type) {
	case *record.Trace:
		for i := range r.Hops {
			if h := &r.Hops[i]; h.Responder != r.Target {
				w.add(key{a: h.Responder})
			}
		}
	case *record.Multipath:
		for i := range r.Nodes {
			if r.Nodes[i].Addr != r.Target {
				w.add(key{a: r.Nodes[i].Addr})
			}
		}
	case *record.Reply:
		if format.IsRow(r) && r.Responder != r.Head.Target {
			w.add(key{a: r.Responder})
		}
	}
}

// addLinks adds the links of a trace, the same that the summary of a run counts.
func addLinks(w *Writer, r record.Record) {
	if m, ok := r.(*record.Multipath); ok {
		addPaths(w, m)
		return
	}
	t, ok := r.(*record.Trace)
	if !ok {
		return
	}
	near := 0 // the first hop of the TTL before
	for i := range t.Hops {
		far := &t.Hops[i]
		for int(t.Hops[near].TTL)+1 < int(far.TTL) {
			near++
		}
		for j := near; j < i; j++ {
			n := &t.Hops[j]
			if int(n.TTL)+1 == int(far.TTL) && n.Responder != t.Target && far.Responder != t.Target && n.Responder != far.Responder {
				w.add(key{a: n.Responder, b: far.Responder})
			}
		}
	}
}

// addPaths adds the links of all paths to a target, but those of flows that moved.
func addPaths(w *Writer, m *record.Multipath) {
	for i := range m.Links {
		l := &m.Links[i]
		if !l.Remapped && !l.Near.IsZero() && !l.Far.IsZero() && l.Near != l.Far && l.Near != m.Target && l.Far != m.Target {
			w.add(key{a: l.Near, b: l.Far})
		}
	}
}

// addTarget adds the target of a trace, or of a reply of it.
func addTarget(w *Writer, r record.Record) {
	switch r := r.(type) {
	case *record.Trace:
		w.add(key{a: r.Target, flag: r.Reached})
	case *record.Multipath:
		at := func(n record.Node) bool { return n.Addr == r.Target }
		w.add(key{a: r.Target, flag: slices.ContainsFunc(r.Nodes, at)})
	case *record.Reply:
		if r.Responder == r.Head.Target && !r.Withheld {
			w.add(key{a: r.Head.Target, flag: true})
		}
	}
}

// newWriter returns a Writer without its line.
func newWriter(o format.Output, header string, add func(*Writer, record.Record)) *Writer {
	return &Writer{
		Text: format.NewText(o.Out), kinds: cmp.Or(o.Kinds, record.Both), header: header, addAll: add, most: mostKeys,
		keys: map[key]struct{}{},
	}
}

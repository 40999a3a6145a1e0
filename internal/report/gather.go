package report

import (
	"cmp"
	"path/filepath"
	"slices"

	"github.com/masstrace/masstrace/internal/findings"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/verdict"
)

// gathering has the paths of a report, and the sums over all traces. It belongs to one goroutine.
//
// Its memory is bounded: it keeps the paths of the targets with the lowest hashes. When it has
// twice as many paths as it may keep, it drops the higher hashes, and then refuses them.
type gathering struct {
	most     int    // paths to keep
	cut      uint64 // hashes at and above are not kept
	paths    []path
	book     *book // addresses of the paths
	exts     dictionary
	notes    []string
	runs     []*source
	totals   totals
	count    *findings.Counter
	compared *compared     // of a page that compares two results, else nil
	judge    verdict.Judge // of the traces of the file that is being read

	// Of the file that is being read.
	whole   bool // it has traces: its replies are in them
	replies map[pathKey]*record.Trace
	order   []*record.Trace

	limited map[probe.Addr]limitedRouter
	diamond map[probe.Addr]int // widest balancer at an address, from multipath records
}

// totals are the sums over all traces of all files.
type totals struct {
	Traces  uint64 `json:"traces"`
	Hops    uint64 `json:"hops"`
	Targets uint64 `json:"targets"` // of the paths in the page
	*record.Findings
}

// source is a file of results, and the run that wrote it.
type source struct {
	File    string          `json:"file"`
	Run     *record.Run     `json:"run,omitempty"`
	Summary *record.Summary `json:"summary,omitempty"`
	Host    string          `json:"host,omitempty"`
	List    string          `json:"list,omitempty"`
}

// limitedRouter has the counts of a router that limits the rate of its answers.
type limitedRouter struct{ answered, silent uint64 }

// pathKey is the name of a path of replies.
type pathKey struct {
	source, target probe.Addr
	method         probe.Method
	flow           uint16
}

// mostNotes is the number of sentences about faults that a page has.
const mostNotes = 20

func newGathering(most int) *gathering {
	return &gathering{
		most: most, cut: 1 << 63, book: newBook(), exts: newDictionary(), count: findings.New(),
		limited: map[probe.Addr]limitedRouter{}, diamond: map[probe.Addr]int{},
	}
}

// note adds a sentence for the reader of the page.
func (g *gathering) note(text string) {
	if len(g.notes) < mostNotes {
		g.notes = append(g.notes, plaintext.Line(text))
	}
}

// begin begins a file.
func (g *gathering) begin(path string) {
	g.assemble()
	g.runs = append(g.runs, &source{File: plaintext.Line(filepath.Base(path))})
	g.whole, g.replies, g.order = false, nil, nil
	g.judge = verdict.Judge{}
}

// finish ends the last file.
func (g *gathering) finish() {
	g.assemble()
	g.prune(g.most)
	g.totals.Findings = g.count.Findings()
	slices.SortFunc(g.paths, func(a, b path) int {
		return cmp.Or(g.book.addrs[a.target].compare(&g.book.addrs[b.target]), cmp.Compare(a.file, b.file),
			cmp.Compare(a.flow, b.flow), cmp.Compare(a.start, b.start))
	})
}

// take takes a record.
func (g *gathering) take(r record.Record) {
	now := g.runs[len(g.runs)-1]
	switch r := r.(type) {
	case *record.CycleStart:
		now.Host, now.List = plaintext.Line(r.Hostname), plaintext.Line(r.ListName)
	case *record.Run:
		now.Run = r
	case *record.Summary:
		now.Summary = r
		for _, l := range r.LimitedRouters {
			a := probe.AddrFrom(l.Addr)
			sum := g.limited[a]
			g.limited[a] = limitedRouter{sum.answered + l.Answered, sum.silent + l.Silent}
		}
	case *record.Trace:
		g.whole, g.replies, g.order = true, nil, nil
		g.trace(r)
	case *record.Multipath:
		for i := range r.Balancers {
			if b := &r.Balancers[i]; len(g.diamond) < mostDiamonds || g.diamond[b.Addr] > 0 {
				g.diamond[b.Addr] = max(g.diamond[b.Addr], b.Width)
			}
		}
	case *record.Reply:
		g.reply(r)
	}
}

// mostDiamonds is the number of addresses of balancers that are remembered.
const mostDiamonds = 1 << 20

// reply keeps a reply of a file that has no traces, so far.
func (g *gathering) reply(r *record.Reply) {
	if g.whole || r.Dup > 0 || r.TTL == 0 || g.hash(r.Target) >= g.cut || len(g.order) >= 4*g.most {
		return
	}
	if g.replies == nil {
		g.replies = map[pathKey]*record.Trace{}
	}
	key := pathKey{r.Source, r.Target, r.Method, r.FlowIndex}
	t := g.replies[key]
	if t == nil {
		t = &record.Trace{Head: r.Head, FirstTTL: 1, Bare: true, Start: r.Sent}
		g.replies[key] = t
		g.order = append(g.order, t)
	}
	if len(t.Hops) < mostHops {
		t.Hops = append(t.Hops, r.Hop)
	}
}

// assemble takes the traces that replies make.
func (g *gathering) assemble() {
	for _, t := range g.order {
		slices.SortStableFunc(t.Hops, func(a, b record.Hop) int {
			return cmp.Or(cmp.Compare(a.TTL, b.TTL), cmp.Compare(a.Attempt, b.Attempt))
		})
		for i := range t.Hops {
			h := &t.Hops[i]
			t.End = max(t.End, h.TTL)
			if h.Responder == t.Target {
				t.Reached, t.StopReason = true, record.StopCompleted
			}
		}
		g.trace(t)
	}
	g.replies, g.order = nil, nil
}

// trace counts a trace, and keeps its path if its target is one to keep.
func (g *gathering) trace(t *record.Trace) {
	if g.compared != nil && g.compared.leave(t.Target) {
		return
	}
	g.totals.Traces++
	g.totals.Hops += uint64(len(t.Hops))
	g.judge.Complete(t)
	g.count.Add(t)
	hash := g.hash(t.Target)
	if hash >= g.cut {
		return
	}
	p := g.newPath(t)
	p.hash = hash
	g.paths = append(g.paths, p)
	if len(g.paths) >= 2*g.most {
		g.prune(g.most)
	}
}

// seed is the same in all runs, so that a report of the same files is the same.
const seed = 0x9e3779b97f4a7c15

// hash returns a number below 2⁶³ for a target (splitmix64).
func (g *gathering) hash(a probe.Addr) uint64 {
	x := uint64(seed)
	for i := 0; i < len(a); i += 8 {
		for j := range 8 {
			x ^= uint64(a[i+j]) << (8 * j)
		}
		x += seed
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		x ^= x >> 31
	}
	if g.compared != nil {
		return g.compared.rank(a, x>>1)
	}
	return x >> 1
}

// prune drops paths until most of them are left, and forgets the addresses of the others. The
// paths of one target stay together. If one target has too many, its last ones are dropped.
func (g *gathering) prune(most int) {
	if len(g.paths) <= most {
		return
	}
	slices.SortStableFunc(g.paths, func(a, b path) int { return cmp.Compare(a.hash, b.hash) })
	if cut := g.paths[most].hash; g.paths[0].hash < cut {
		g.cut = cut
		most = slices.IndexFunc(g.paths, func(p path) bool { return p.hash >= cut })
	}
	clear(g.paths[most:])
	g.paths = g.paths[:most]
	old := g.book
	g.book = newBook()
	for i := range g.paths {
		p := &g.paths[i]
		p.target, p.source = g.book.move(old, p.target), g.book.move(old, p.source)
		for j := range p.hops {
			p.hops[j].addr = g.book.move(old, p.hops[j].addr)
		}
		p.judged.move(func(n uint32) uint32 { return g.book.move(old, n) })
	}
}

package verify

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// found counts the findings of the traces in the results: exactly, and without the code that the
// programs count them with.
type found struct {
	traces, reached uint64
	ends            map[string]uint64
	interfaces      map[probe.Addr]struct{}
	links           map[[2]probe.Addr]struct{}
	paths           [256]uint64 // traces to their targets, by length

	at [256][]probe.Addr // scratch: the interfaces of a trace, by TTL
}

// mostLinked is how many interfaces at one TTL of a trace count for links, as docs/records.md says.
const mostLinked = 64

// mostKept bounds the memory for interfaces and links. More of them are not compared.
const mostKept = 1 << 20

// trace counts a trace.
func (f *found) trace(t *record.Trace) {
	if f.ends == nil {
		f.ends, f.interfaces, f.links = map[string]uint64{}, map[probe.Addr]struct{}{}, map[[2]probe.Addr]struct{}{}
	}
	f.traces++
	f.ends[t.StopReason.String()]++
	if t.Reached {
		f.reached++
	}
	if t.StopReason == record.StopCompleted {
		f.paths[t.End]++
	}
	for i := range t.Hops {
		far := &t.Hops[i]
		if far.Responder == t.Target {
			continue
		}
		if len(f.interfaces) < mostKept {
			f.interfaces[far.Responder] = struct{}{}
		}
		at := &f.at[far.TTL]
		if len(*at) < mostLinked && !slices.Contains(*at, far.Responder) {
			*at = append(*at, far.Responder)
		}
	}
	for ttl := range f.at {
		if ttl > 0 {
			f.link(f.at[ttl-1], f.at[ttl])
		}
	}
	for ttl := range f.at {
		f.at[ttl] = f.at[ttl][:0]
	}
}

// link counts the links between the interfaces at two adjacent TTLs.
func (f *found) link(near, far []probe.Addr) {
	for _, a := range near {
		for _, b := range far {
			if a != b && len(f.links) < mostKept {
				f.links[[2]probe.Addr{a, b}] = struct{}{}
			}
		}
	}
}

// estimateError is the largest error of an estimate that is not a fault: five standard errors.
const estimateError = 5 * 0.0081

// sums compares the findings of the summary with the traces.
func (f *found) sums(s *record.Findings) (list []Sum) {
	exact := func(name string, said, is uint64) {
		list = append(list, Sum{Name: name, Said: said, Is: is, Fault: said != is})
	}
	estimate := func(name string, said uint64, is int) {
		off := math.Abs(float64(said) - float64(is))
		list = append(list, Sum{Name: name, Said: said, Is: uint64(is), Note: differs(said, uint64(is), "an estimate"),
			Fault: off > 1+estimateError*float64(is)})
	}
	median, longest := record.PathLengths(f.paths[:])
	exact("traces", s.Traces, f.traces)
	exact("reached", s.Reached, f.reached)
	for reason := range record.StopHalted + 1 {
		if name := reason.String(); s.Ends[name]+f.ends[name] > 0 {
			exact("ended "+name, s.Ends[name], f.ends[name])
		}
	}
	if len(f.interfaces) < mostKept {
		estimate("interfaces", s.Interfaces, len(f.interfaces))
	}
	if len(f.links) < mostKept {
		estimate("links", s.Links, len(f.links))
	}
	exact("median path", uint64(s.MedianPath), uint64(median))
	exact("longest path", uint64(s.LongestPath), uint64(longest))
	return list
}

// textFindings writes the findings of the summary.
func (s *Sums) textFindings(t *table) {
	if len(s.Findings) == 0 {
		return
	}
	t.head("FINDINGS", "the findings of the summary against the traces of the file")
	for _, l := range s.Findings {
		mark, value := "ok", fmt.Sprint(l.Said)
		if l.Said != l.Is {
			value = fmt.Sprintf("%d, traces: %d", l.Said, l.Is)
		}
		if l.Fault {
			mark = "FAULT"
		}
		t.line(mark, "  "+l.Name, value, cmp.Or(l.Note, findingWords[l.Name]))
	}
}

var findingWords = map[string]string{
	"reached":      "traces whose target answered",
	"interfaces":   "distinct addresses of routers",
	"links":        "distinct pairs of them at adjacent TTLs",
	"median path":  "TTLs, of the traces that end at their targets",
	"longest path": "likewise",
}

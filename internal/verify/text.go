package verify

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// sortedKeys returns the keys of m in order.
func sortedKeys[K comparable, V any](m map[K]V, compare func(a, b K) int) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compare)
	return keys
}

// table writes lines of mark, name, value and explanation.
type table struct{ w *tabwriter.Writer }

// fateWords explain the fates of valid probes.
var fateWords = map[string]string{
	"answered":        "an answer came back",
	"lost-forward":    "lost on the way there",
	"lost-reply":      "the answer was lost",
	"router-limited":  "the router had answered enough",
	"host-limited":    "the target had answered enough",
	"silent-router":   "a router that never answers",
	"dead-host":       "nobody has the address",
	"filtered-host":   "the target ignores the protocol",
	"silent-firewall": "a firewall that says nothing",
	"black-hole":      "a router that has lost the route",
	"taken":           "rightly without an answer",
}

// rule is the condition for a number.
type rule int

const (
	shown  rule = iota // no condition
	hoped              // should be 0, otherwise it is marked
	needed             // must be 0, otherwise it is a fault
)

func (t table) head(name, means string) { t.line("", name, "", means) }

func (t table) line(mark, name, value, means string) {
	fmt.Fprintf(t.w, "%s\t%s\t%s\t%s\n", mark, name, value, means)
}

func (t table) count(r rule, name string, n uint64, means string) {
	mark := ""
	switch {
	case r == needed && n > 0:
		mark = "FAULT"
	case r == hoped && n > 0:
		mark = "look"
	case r != shown:
		mark = "ok"
	}
	t.line(mark, "  "+name, fmt.Sprint(n), means)
}

// Text writes the report as a readable table.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	t := table{tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)}
	r.textProbes(t)
	r.textHops(t, "HOPS", "who is said to be where, by "+r.Format, &r.Hops)
	if r.Replies != nil {
		r.textHops(t, "REPLIES", "the same of reply records", r.Replies)
	}
	r.textInferred(t)
	r.textRecall(t)
	r.textEnds(t)
	r.textSums(t)
	r.textManners(t)
	r.textPace(t)
	t.w.Flush() // into memory
	if len(r.Examples) > 0 {
		b.WriteString("\nexamples\n")
	}
	for _, e := range r.Examples {
		fmt.Fprintf(&b, "  %s: %s\n", e.Kind, e.Text)
	}
	if r.OK() {
		b.WriteString("\nOK: no hop is false, and what must hold holds.\n")
	} else {
		fmt.Fprintf(&b, "\nNOT OK: %s.\n", strings.Join(r.Faults, "; "))
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}

func (r *Report) textProbes(t table) {
	p := &r.Probes
	t.head("PROBES", "what was asked, by the simulator's log")
	t.count(shown, "targets", uint64(p.Targets), "addresses that were probed")
	t.count(shown, "probes", p.Sent, "that reached the simulator")
	if p.Abandoned > 0 {
		t.count(shown, "  abandoned", p.Abandoned, "before the run was resumed; nothing below is about them")
	}
	for _, name := range sortedKeys(p.Fates, func(a, b string) int { return cmp.Or(-cmp.Compare(p.Fates[a], p.Fates[b]), cmp.Compare(a, b)) }) {
		t.count(shown, "  "+name, p.Fates[name], fateWords[name])
	}
	for _, name := range sortedKeys(p.Invalid, strings.Compare) {
		t.count(needed, "  "+name, p.Invalid[name], "no host would take it for a probe")
	}
	if p.Others > 0 {
		t.count(shown, "other packets", p.Others, "what the kernel sends by itself")
	}
	if p.Outside >= 0 {
		t.count(needed, "outside the targets", uint64(p.Outside), "to addresses that were not to be probed")
	}
	if p.Unlogged > 0 {
		t.count(hoped, "not in the log", uint64(p.Unlogged), "counted by the simulator")
	}
	if p.Cut {
		t.line("look", "  log cut", "yes", "its writer was killed")
	}
}

func (r *Report) textHops(t table, head, means string, h *Hops) {
	t.head(head, means)
	t.count(shown, "hops", h.Judged, "judged")
	t.count(shown, "true", h.True, "the log has this very answer")
	t.count(needed, "impossible", h.Impossible, "nobody on any way to the target is there")
	t.count(needed, "of another flow", h.OtherFlow, "is there, but not for the probed flow")
	t.count(needed, "of no probe", h.NoProbe, "that flow was not probed at that TTL")
	t.count(needed, "of no answer", h.NoAnswer, "might be there, and did not answer")
	if e := h.RTT; e != nil {
		t.line("", "  RTT error", fmt.Sprintf("%.3f / %.3f / %.3f ms", e.MedianMS, e.P99MS, e.MaxMS),
			"median, 99th percentile, maximum of |told − planned|")
	}
	c := h.Class
	if c == nil {
		return
	}
	t.count(shown, "compared in detail", c.Judged, fmt.Sprintf("%d strong, %d weak, %d with rewritten fields; %d beside a garbled copy left out",
		c.Strong, c.Weak, c.Mangled, c.BesideFlipped))
	t.count(hoped, "wrong validity", c.WrongValid, "strong or weak confused")
	t.count(hoped, "wrong mangled", c.WrongMangled, "other fields named than were rewritten")
	t.count(hoped, "wrong kind", c.WrongKind, "another kind of answer was sent")
	t.count(hoped, "wrong detail", c.WrongDetail, "TTL of the reply, quoted TTL, MPLS labels")
	t.count(hoped, "too few tags", c.ShouldBeGone, "not authentic enough to be a hop")
	if c.Unexplained > 0 {
		t.count(hoped, "log without truth", c.Unexplained, "log and model differ: a fault of the simulator")
	}
}

func (r *Report) textInferred(t table) {
	i := r.Inferred
	if i == nil {
		return
	}
	t.head("INFERRED", "hops that were not measured, but borrowed from other traces")
	t.count(shown, "inferred", i.Hops, "in no other count")
	t.count(shown, "true", i.True, "probes of the flow meet this router there")
	t.count(hoped, "inferred false", i.False(), fmt.Sprintf("%d are there for other flows, %d for none", i.OtherFlow, i.Impossible))
}

func (r *Report) textRecall(t table) {
	c := &r.Recall
	t.head("RECALL", "what answered, is it there")
	mark := "ok"
	if c.Found < c.Answers {
		mark = "look"
	}
	t.line(mark, "  recall", fmt.Sprintf("%.4f", c.Share), fmt.Sprintf("%d of %d (target, flow, TTL) that answered",
		c.Found, c.Answers))
	t.line("", "    routers", fmt.Sprintf("%.4f", c.RouterShare), fmt.Sprintf("%d of %d", c.RoutersFound, c.Routers))
	t.line("", "    targets", fmt.Sprintf("%.4f", c.TargetShare), fmt.Sprintf("%d of %d", c.TargetsFound, c.Targets))
	m := &c.Missing
	for _, l := range []struct {
		name  string
		n     uint64
		means string
	}{
		{"missing: no trace", m.NoTrace, "the results have no trace of that flow"},
		{"missing: late", m.Late, "due after the wait"},
		{"missing: one tag", m.RuledOut, "another source on one tag, which must be rejected"},
		{"missing: rewritten", m.Mangled, "the quotation was rewritten on the way"},
		{"missing: lost", m.Lost, "no cause known: lost behind the simulator, or overlooked"},
		{"left out: unreadable", c.Unreadable, "quote another target or flow: nobody can attribute them"},
		{"left out: no hop", c.NoHop, "answers that tell no TTL, as datagrams of the target"},
		{"left out: no luck", c.Chance, "lost, or held back by a limit, at every attempt"},
		{"left out: beyond", c.Beyond, "above the end of the trace"},
		{"left out: cut", c.NoTrace, "flows without a trace in a file without an end"},
	} {
		if l.n > 0 {
			t.count(shown, l.name, l.n, l.means)
		}
	}
	if w := r.Whole; w != nil {
		t.line("", "  against all probes", fmt.Sprintf("%.4f", w.Share), fmt.Sprintf("%d of %d (target, flow, TTL) that would answer were asked", w.Asked, w.Hops))
		if r.Inferred != nil {
			t.count(shown, "  and inferred", w.Inferred, "of the others, and truly so")
		}
	}
	if r.Cut {
		t.line("look", "  results cut", "yes", "their writer was killed")
	}
	if r.BadLines > 0 {
		t.count(hoped, "bad lines", r.BadLines, "of the results, passed over")
	}
}

func (r *Report) textEnds(t table) {
	e := r.Ends
	if e == nil {
		return
	}
	t.head("ENDS", "where and why traces stop")
	t.count(shown, "traces", e.Traces, "judged by what was answered")
	t.count(shown, "right", e.Right, "reason, code and last TTL")
	t.count(hoped, "wrong reason", e.WrongReason, "reached or not, unreachable or not")
	t.count(hoped, "wrong last TTL", e.WrongDistance, "not where the answers say")
	t.count(hoped, "wrong code", e.WrongCode, "of an unreachable")
	t.count(hoped, "wrong reached", e.WrongReached, "the target answered, or did not")
	t.count(hoped, "TTLs left out", e.Gaps, "up to the end of a trace, without a probe")
	if e.Again > 0 {
		t.count(hoped, "told again", e.Again, "traces of a flow that has one already")
	}
	if e.NotProbed > 0 {
		t.count(hoped, "not probed", e.NotProbed, "traces of flows that the log does not have")
	}
	if e.Halted > 0 {
		t.count(shown, "halted", e.Halted, "not judged")
	}
}

// sumWords explain the counts.
var sumWords = map[string]string{
	"sent":                   "probes that reached the simulator",
	"answered":               "probes with an answer that can be attributed",
	"duplicates":             "second copies of answers",
	"udp_reply":              "answers that tell no TTL",
	"pure_ack":               "likewise, of TCP",
	"sent, by trace-ext":     "the same, added up over traces",
	"answered, by trace-ext": "likewise",
}

func (r *Report) textSums(t table) {
	s := r.Sums
	if s == nil {
		return
	}
	t.head("SUMMARY", "what it counts, and what the log says")
	for _, l := range s.Lines {
		mark, value, note := "ok", fmt.Sprint(l.Said), l.Note
		if note == "" {
			note = sumWords[l.Name]
		}
		if l.Said != l.Is {
			mark, value = "look", fmt.Sprintf("%d, is %d", l.Said, l.Is)
		}
		if l.Fault {
			mark = "FAULT"
		}
		t.line(mark, "  "+l.Name, value, note)
	}
	t.line("", "  silence", fmt.Sprintf("%.2f %%, is %.2f %%", s.SaidSilencePct, s.SilencePct),
		fmt.Sprintf("probes without an answer: off by %+.2f points", s.OffPoints))
	t.count(hoped, "traces, sent", s.TracesWrongSent, "traces whose own count is not the log's")
	t.count(hoped, "traces, answered", s.TracesWrongAnswered, "likewise")
	if s.Unbalanced != "" {
		t.line("FAULT", "  sums", "wrong", strings.ReplaceAll(s.Unbalanced, "\n", "; "))
	}
}

func (r *Report) textManners(t table) {
	p, n := &r.Paris, &r.Repeats
	t.head("MANNERS", "what was sent to whom")
	t.count(shown, "flows", uint64(p.Flows), "(target, source port or ICMP identifier)")
	t.count(needed, "unstable", uint64(p.Unstable), "a field changed that load balancers hash")
	t.count(needed, "of varying size", uint64(p.SizeVaries), "packets of several sizes")
	t.count(needed, "more than told", uint64(p.Surplus), "targets with flows that the results do not tell of")
	t.count(needed, "probed twice", n.Identical, "the same target, flow, TTL and attempt")
	t.count(needed, "probed too often", n.Excess, "more than the attempts asked for")
	t.count(needed, "retried though answered", n.Answered, "the answer is in the results and was due long before")
	if n.Unheard > 0 {
		t.count(hoped, "retried, unheard", n.Unheard, "the answer was sent long before and is not in the results")
	}
	t.line("", "  probes per TTL", perTTL(n), "times that a (target, flow, TTL) was probed")
	if l := r.Limits; l != nil {
		t.count(hoped, "wrong rate limits", l.Named-l.Right,
			fmt.Sprintf("of %d TTLs named; limits kept answers back at %d of them, at %d in all", l.Named, l.Acted, l.Refused))
		t.count(hoped, "wrong limited routers", l.Routers-l.RoutersRight, fmt.Sprintf("of %d that the summary names", l.Routers))
	}
}

func perTTL(n *Repeats) string {
	var b strings.Builder
	for times, count := range n.PerTTL {
		if count == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		more := ""
		if times == len(n.PerTTL)-1 {
			more = "+"
		}
		fmt.Fprintf(&b, "%d%s: %d", times, more, count)
	}
	return b.String()
}

func (r *Report) textPace(t table) {
	p := &r.Pace
	if p.Probes < 2 {
		return
	}
	t.head("PACE", "how evenly probes came")
	asked := ""
	if p.AskedPPS > 0 {
		asked = fmt.Sprintf(", %.0f asked for", p.AskedPPS)
	}
	t.line("", "  rate", fmt.Sprintf("%.0f/s", p.RatePPS),
		fmt.Sprintf("%d probes in %.2f s, %d pauses of %.2f s left out%s", p.Probes, p.Seconds, p.Pauses, p.PausedS, asked))
	for _, b := range p.Bins {
		t.line("", fmt.Sprintf("  in %d ms", b.WidthMS), fmt.Sprintf("%.3f", b.CV),
			fmt.Sprintf("deviation over mean; mean %.1f, most %.2f times that", b.Mean, b.MaxOverMean))
	}
}

package verify

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/tabular"
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

// table has lines of mark, name, value and meaning.
type table struct{ tabular.Table }

// fateWords explain the fates of valid probes.
var fateWords = map[string]string{
	"answered":        "a reply came back",
	"lost-forward":    "lost on the way there",
	"lost-reply":      "the reply was lost on the way back",
	"router-limited":  "the router's rate limit held the reply back",
	"host-limited":    "the target's rate limit held the reply back",
	"silent-router":   "a router that never answers",
	"dead-host":       "no host has the address",
	"filtered-host":   "the target ignores the protocol",
	"silent-firewall": "a firewall that drops probes silently",
	"black-hole":      "a router without a route, which sends no error",
	"taken":           "accepted by the target, which sends no reply",
}

// rule is the condition for a number.
type rule int

const (
	shown  rule = iota // no condition
	hoped              // should be 0, otherwise it is marked
	needed             // must be 0, otherwise it is a fault
)

func (t *table) head(name, means string) { t.line("", name, "", means) }

func (t *table) line(mark, name, value, means string) {
	t.Add(mark, name, value, means)
}

func (t *table) count(r rule, name string, n uint64, means string) {
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
	for _, point := range r.VantagePoints {
		fmt.Fprintf(&b, "VANTAGE POINT %s\n\n", point.VantagePoint)
		point.text(&b)
		b.WriteString("\n")
	}
	if len(r.VantagePoints) > 0 {
		fmt.Fprintf(&b, "ALL %d VANTAGE POINTS\n\n", len(r.VantagePoints))
	}
	r.text(&b)
	if r.OK() {
		b.WriteString("\nOK: no hop is false, and no error was found.\n")
	} else {
		fmt.Fprintf(&b, "\nNOT OK: %s.\n", strings.Join(r.Faults, "; "))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// text writes everything but the verdict.
func (r *Report) text(b *strings.Builder) {
	t := &table{tabular.Table{Columns: "l"}}
	r.textProbes(t)
	r.textHops(t, "HOPS", "each hop of the results (format: "+r.Format+") against the log", &r.Hops)
	if r.Replies != nil {
		r.textHops(t, "REPLIES", "the same for reply records", r.Replies)
	}
	r.textInferred(t)
	r.textMultipath(t)
	r.textRecall(t)
	r.textEnds(t)
	r.textVerdicts(t)
	r.textSums(t)
	r.textManners(t)
	r.textPace(t)
	_ = t.WriteText(b) // into memory
	if len(r.Examples) > 0 {
		b.WriteString("\nexamples\n")
	}
	for _, e := range r.Examples {
		fmt.Fprintf(b, "  %s: %s\n", e.Kind, e.Text)
	}
}

func (r *Report) textProbes(t *table) {
	p := &r.Probes
	t.head("PROBES", "the probes in the simulator's log")
	t.count(shown, "targets", uint64(p.Targets), "addresses that were probed")
	t.count(shown, "probes", p.Sent, "that reached the simulator")
	if p.Abandoned > 0 {
		t.count(shown, "  abandoned", p.Abandoned, "of a process or an agent that ended before it recorded them; left out of all counts below")
	}
	for _, name := range sortedKeys(p.Fates, func(a, b string) int { return cmp.Or(-cmp.Compare(p.Fates[a], p.Fates[b]), cmp.Compare(a, b)) }) {
		t.count(shown, "  "+name, p.Fates[name], fateWords[name])
	}
	for _, name := range sortedKeys(p.Invalid, strings.Compare) {
		t.count(needed, "  "+name, p.Invalid[name], "not a valid probe for any host")
	}
	for _, name := range r.unjudged() {
		t.count(shown, "of "+name, uint64(r.Unjudged[name]), "a vantage point without results: not judged")
	}
	if p.Others > 0 {
		t.count(shown, "other packets", p.Others, "sent by the kernel itself")
	}
	if p.Outside >= 0 {
		t.count(needed, "outside the targets", uint64(p.Outside), "probes to addresses that are not targets")
	}
	if p.Unlogged > 0 {
		t.count(hoped, "not in the log", uint64(p.Unlogged), "counted by the simulator")
	}
	if p.Cut {
		t.line("look", "  log cut", "yes", "the writer of the log was killed")
	}
}

func (r *Report) textHops(t *table, head, means string, h *Hops) {
	t.head(head, means)
	t.count(shown, "hops", h.Judged, "judged")
	t.count(shown, "true", h.True, "the log has exactly this reply")
	t.count(needed, "impossible", h.Impossible, "no path to the target has this address at this TTL")
	t.count(needed, "of another flow", h.OtherFlow, "the address is there for other flows only")
	t.count(needed, "of no probe", h.NoProbe, "the flow was not probed at this TTL")
	t.count(needed, "of no answer", h.NoAnswer, "possible address, but the log has no such reply")
	if h.Withheld > 0 {
		t.count(shown, "withheld", h.Withheld, "the log has no such reply, and no hop is claimed for it")
	}
	if e := h.RTT; e != nil {
		t.line("", "  RTT error", fmt.Sprintf("%.3f / %.3f / %.3f ms", e.MedianMS, e.P99MS, e.MaxMS),
			"median, 99th percentile, maximum of |measured − simulated|")
	}
	c := h.Class
	if c == nil {
		return
	}
	t.count(shown, "compared in detail", c.Judged, fmt.Sprintf("%d strong, %d weak, %d with rewritten fields; %d left out: a garbled copy came too",
		c.Strong, c.Weak, c.Mangled, c.BesideFlipped))
	t.count(hoped, "wrong validity", c.WrongValid, "strong and weak confused")
	t.count(hoped, "wrong mangled", c.WrongMangled, "the named fields are not the rewritten ones")
	t.count(hoped, "wrong kind", c.WrongKind, "the simulator sent another kind of reply")
	t.count(hoped, "wrong detail", c.WrongDetail, "reply TTL, quoted TTL or MPLS labels")
	t.count(hoped, "too few tags", c.ShouldBeGone, "too few valid tags to be a hop")
	if c.Unexplained > 0 {
		t.count(hoped, "log without truth", c.Unexplained, "log and model differ: a fault in the simulator")
	}
}

func (r *Report) textInferred(t *table) {
	i := r.Inferred
	if i == nil {
		return
	}
	t.head("INFERRED", "hops that come from other traces, not from a probe")
	t.count(shown, "inferred", i.Hops, "counted nowhere else")
	t.count(shown, "true", i.True, "this router is on the path of the flow, at this TTL")
	t.count(hoped, "inferred false", i.False(), fmt.Sprintf("%d are there for other flows only, %d for no flow", i.OtherFlow, i.Impossible))
}

func (r *Report) textRecall(t *table) {
	c := &r.Recall
	t.head("RECALL", "the share of the replies in the log that the results have")
	mark := "ok"
	if c.Found < c.Answers {
		mark = "look"
	}
	t.line(mark, "  recall", fmt.Sprintf("%.4f", c.Share), fmt.Sprintf("%d of %d (target, flow, TTL) that answered",
		c.Found, c.Answers))
	t.line("", "    routers", fmt.Sprintf("%.4f", c.RouterShare), fmt.Sprintf("%d of %d", c.RoutersFound, c.Routers))
	t.line("", "    targets", fmt.Sprintf("%.4f", c.TargetShare), fmt.Sprintf("%d of %d", c.TargetsFound, c.Targets))
	m := &c.Missing
	without, whose := "left out: cut", "flows without a trace in results that were cut"
	if r.Multipath != nil {
		without, whose = "left out: no trace", "flows that only multipath records have"
	}
	for _, l := range []struct {
		name  string
		n     uint64
		means string
	}{
		{"missing: no trace", m.NoTrace, "the results have no trace of that flow"},
		{"missing: late", m.Late, "the reply came after the waiting time"},
		{"missing: one tag", m.RuledOut, "another source and one valid tag: must be rejected"},
		{"missing: rewritten", m.Mangled, "the quotation was rewritten on the way"},
		{"missing: lost", m.Lost, "no known cause: lost after the simulator, or overlooked"},
		{"left out: unreadable", c.Unreadable, "quote another target or flow, and cannot be attributed"},
		{"left out: no hop", c.NoHop, "replies that show no TTL, such as UDP replies"},
		{"left out: lost", c.Chance, "lost or rate-limited on every attempt"},
		{"left out: beyond", c.Beyond, "above the end of the trace"},
		{without, c.NoTrace, whose},
	} {
		if l.n > 0 {
			t.count(shown, l.name, l.n, l.means)
		}
	}
	if w := r.Whole; w != nil {
		t.line("", "  against all probes", fmt.Sprintf("%.4f", w.Share), fmt.Sprintf("%d of %d (target, flow, TTL) that can answer were probed", w.Asked, w.Hops))
		if r.Inferred != nil {
			t.count(shown, "  and inferred", w.Inferred, "of the others: inferred, and true")
		}
	}
	if r.Cut {
		t.line("look", "  results cut", "yes", "the writer of the results was killed")
	}
	if r.BadLines > 0 {
		t.count(hoped, "bad lines", r.BadLines, "lines of the results that cannot be read")
	}
}

func (r *Report) textEnds(t *table) {
	e := r.Ends
	if e == nil {
		return
	}
	t.head("ENDS", "the last TTL and the stop reason of each trace")
	t.count(shown, "traces", e.Traces, "compared with the replies in the log")
	t.count(shown, "right", e.Right, "reason, code and last TTL are right")
	t.count(hoped, "wrong reason", e.WrongReason, "reached or not, unreachable or not")
	t.count(hoped, "wrong last TTL", e.WrongDistance, "not the TTL that follows from the replies")
	t.count(hoped, "wrong code", e.WrongCode, "code of an unreachable")
	t.count(hoped, "wrong reached", e.WrongReached, "the field reached is wrong")
	t.count(hoped, "TTLs left out", e.Gaps, "TTLs below the end of a trace without a probe")
	if e.Again > 0 {
		t.count(hoped, "repeated", e.Again, "further traces of the same flow")
	}
	if e.NotProbed > 0 {
		t.count(hoped, "not probed", e.NotProbed, "traces of flows that are not in the log")
	}
	if e.Halted > 0 {
		t.count(shown, "halted", e.Halted, "not compared")
	}
}

// sumWords explain the counts.
var sumWords = map[string]string{
	"sent":                   "probes that reached the simulator",
	"answered":               "probes with a reply that can be attributed",
	"duplicates":             "further copies of replies",
	"udp_reply":              "replies that show no TTL",
	"pure_ack":               "likewise, of TCP",
	"sent, by trace-ext":     "the same, summed over traces",
	"answered, by trace-ext": "likewise",
}

func (r *Report) textSums(t *table) {
	s := r.Sums
	if s == nil {
		return
	}
	t.head("SUMMARY", "the counts of the summary against the log")
	for _, l := range s.Lines {
		mark, value, note := "ok", fmt.Sprint(l.Said), l.Note
		if note == "" {
			note = sumWords[l.Name]
		}
		if l.Said != l.Is {
			mark, value = "look", fmt.Sprintf("%d, log: %d", l.Said, l.Is)
		}
		if l.Fault {
			mark = "FAULT"
		}
		t.line(mark, "  "+l.Name, value, note)
	}
	t.line("", "  silence", fmt.Sprintf("%.2f %%, log: %.2f %%", s.SaidSilencePct, s.SilencePct),
		fmt.Sprintf("share of probes without a reply: differs by %+.2f points", s.OffPoints))
	t.count(hoped, "traces, sent", s.TracesWrongSent, "traces whose own count differs from the log")
	t.count(hoped, "traces, answered", s.TracesWrongAnswered, "likewise")
	if s.Unbalanced != "" {
		t.line("FAULT", "  sums", "wrong", strings.ReplaceAll(s.Unbalanced, "\n", "; "))
	}
	s.textFindings(t)
}

func (r *Report) textManners(t *table) {
	p, n := &r.Paris, &r.Repeats
	t.head("POLITENESS", "flows, repetitions and rate limits")
	t.count(shown, "flows", uint64(p.Flows), "(target, source port or ICMP identifier)")
	single := needed
	if r.Multipath != nil {
		single = shown // it examines the fields that balancers hash, and repeats flows
	}
	t.count(single, "unstable", uint64(p.Unstable), "a field changed that load balancers hash")
	t.count(needed, "of varying size", uint64(p.SizeVaries), "flows with packets of several sizes")
	t.count(needed, "not in the results", uint64(p.Surplus), "targets with flows that the results do not have")
	t.count(needed, "probed twice", n.Identical, "the same target, flow, TTL and attempt")
	t.count(needed, "probed too often", n.Excess, "more than the attempts asked for")
	if r.Multipath != nil {
		t.count(shown, "repeated on purpose", n.Answered, "answered before; shows balancers by packet, and flows that moved")
	} else {
		t.count(needed, "retried though answered", n.Answered, "the reply is in the results and had come long before")
	}
	if n.Unheard > 0 {
		t.count(hoped, "retried, unheard", n.Unheard, "the reply was sent long before and is not in the results")
	}
	t.line("", "  probes per TTL", perTTL(n), "how often a (target, flow, TTL) was probed")
	if l := r.Limits; l != nil {
		t.count(hoped, "wrong rate limits", l.Named-l.Right,
			fmt.Sprintf("of %d TTLs named; limits held replies back at %d of them, at %d in all", l.Named, l.Acted, l.Refused))
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

func (r *Report) textPace(t *table) {
	p := &r.Pace
	if p.Probes < 2 {
		return
	}
	t.head("PACE", "how evenly probes arrived")
	asked := ""
	if p.AskedPPS > 0 {
		asked = fmt.Sprintf(", %.0f requested", p.AskedPPS)
	}
	t.line("", "  rate", fmt.Sprintf("%.0f/s", p.RatePPS),
		fmt.Sprintf("%d probes in %.2f s, %d pauses of %.2f s left out%s", p.Probes, p.Seconds, p.Pauses, p.PausedS, asked))
	for _, b := range p.Bins {
		t.line("", fmt.Sprintf("  in %d ms", b.WidthMS), fmt.Sprintf("%.3f", b.CV),
			fmt.Sprintf("deviation / mean; mean %.1f, maximum %.2f times the mean", b.Mean, b.MaxOverMean))
	}
}

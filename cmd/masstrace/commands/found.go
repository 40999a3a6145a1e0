package commands

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/tabular"
)

// stops are the words for the ends of traces, but for that at the target.
var stops = []struct {
	reason record.StopReason
	words  string
}{
	{record.StopUnreach, "reported as unreachable"},
	{record.StopGapLimit, "too many silent TTLs in a row"},
	{record.StopHopLimit, "silent up to the last TTL"},
	{record.StopLoop, "a loop of routers"},
	{record.StopGSS, "another vantage point goes on from there"},
	{record.StopHalted, "stopped, or excluded during the run"},
}

// findings writes the findings of the traces.
func (t *summaryTable) findings(s *record.Summary) {
	f := s.Findings
	if f == nil {
		return
	}
	asked := ""
	if s.Diagnosis != nil {
		asked = tabular.Count(s.Diagnosis.Traces) + " of them by the diagnosis, also in the counts below"
	}
	t.row("traces", f.Traces, "", asked)
	t.row("reached", f.Reached, tabular.Percent(f.Reached, f.Traces), "the target answered")
	if n := f.Traces - min(f.Reached, f.Traces); n > 0 {
		t.needed("not reached", n, tabular.Percent(n, f.Traces), endsWords(f))
	}
	t.verdicts(f)
	t.row("interfaces", f.Interfaces, "", "distinct addresses of routers"+estimateWords(f.Interfaces))
	t.row("links", f.Links, "", "pairs of them at adjacent TTLs"+estimateWords(f.Links))
	if f.LongestPath > 0 {
		t.row("median path", uint64(f.MedianPath), "", fmt.Sprintf("TTLs to a target; the longest is %d", f.LongestPath))
	}
}

// endsWords lists why the traces end that do not reach their targets, the most frequent reason first.
func endsWords(f *record.Findings) string {
	type end struct {
		n     uint64
		words string
	}
	var ends []end
	for _, stop := range stops {
		if n := f.Ends[stop.reason.String()]; n > 0 {
			ends = append(ends, end{n, fmt.Sprintf("%s %s", tabular.Count(n), stop.words)})
		}
	}
	slices.SortStableFunc(ends, func(a, b end) int { return cmp.Compare(b.n, a.n) })
	var list []string
	for _, e := range ends {
		list = append(list, e.words)
	}
	return strings.Join(list, "; ")
}

// exactBelow is a count below which the estimates of findings are as good as exact.
const exactBelow = 5000

// estimateWords gives the error of a distinct count.
func estimateWords(n uint64) string {
	if n < exactBelow {
		return ""
	}
	return " (± 1 %)"
}

// verdictWord is a verdict in words.
type verdictWord struct {
	verdict record.Verdict
	words   string
}

// verdictWords are the words for the verdicts, but for reached.
var verdictWords = []verdictWord{
	{record.VerdictFiltered, "a firewall reports it, or another method passes"},
	{record.VerdictHostSilent, "the path is alive to the last router; the host or its filter is silent"},
	{record.VerdictUnreachable, "a router reports it"},
	{record.VerdictLoop, "routers send the probes around"},
	{record.VerdictNoPath, "silence from a router on that serves other prefixes, too"},
	{record.VerdictUndecided, "too little was answered to decide"},
}

// conditionWords are the words for the conditions.
var conditionWords = []struct {
	kind  record.ConditionKind
	words string
}{
	{record.RateLimited, "traces with a router that limits its answers"},
	{record.Lossy, "traces with loss up to the target"},
	{record.PathMTU, "traces with a link that is too small for the probe"},
	{record.OurLoss, "traces whose replies this machine may have lost"},
}

// verdicts writes why the traces end, if they are judged.
func (t *summaryTable) verdicts(f *record.Findings) {
	if f.Verdicts == nil {
		return
	}
	words := slices.Clone(verdictWords)
	slices.SortStableFunc(words, func(a, b verdictWord) int {
		return cmp.Compare(f.Verdicts[b.verdict.String()], f.Verdicts[a.verdict.String()])
	})
	for _, w := range words {
		if n := f.Verdicts[w.verdict.String()]; n > 0 {
			t.row(w.verdict.String(), n, tabular.Percent(n, f.Traces), w.words)
		}
	}
	for _, w := range conditionWords {
		if n := f.Conditions[w.kind.String()]; n > 0 {
			t.row(w.kind.String(), n, "", w.words)
		}
	}
}

// diagnosis writes what the second pass found.
func (t *summaryTable) diagnosis(d *record.Diagnosis) {
	if d == nil {
		return
	}
	t.row("asked again", d.Targets, "", "targets, with "+strings.Join(d.Methods, ", "))
	if d.NotAsked > 0 {
		t.row("not asked", d.NotAsked, "", "further targets without a certain verdict")
	}
	for _, w := range verdictWords {
		if n := d.Verdicts[w.verdict.String()]; n > 0 {
			t.row("  "+w.verdict.String(), n, tabular.Percent(n, d.Targets), w.words)
		}
	}
	if n := d.Verdicts[record.VerdictReached.String()]; n > 0 {
		t.row("  "+record.VerdictReached.String(), n, tabular.Percent(n, d.Targets), "the target answered now")
	}
	t.row("  probes", d.Sent, "", fmt.Sprintf("of the diagnosis, %s answered", tabular.Count(d.Answered)))
}

// leftOut writes the addresses of the lists that are no targets.
func (t *summaryTable) leftOut(l *record.LeftOut) {
	for _, r := range removals(l) {
		t.rows = append(t.rows, summaryRow{name: "left out", count: removedCount(r.Addresses), words: r.words(), needed: true})
	}
}

// removal is a reason to leave addresses out.
type removal struct {
	record.Removed
	reason string
}

// removals returns the reasons that removed addresses.
func removals(l *record.LeftOut) (list []removal) {
	if l == nil {
		return nil
	}
	for _, r := range []removal{{l.SpecialPurpose, "special-purpose; see --allow-reserved"}, {l.Excluded, "by --exclude"}} {
		if r.Addresses > 0 {
			list = append(list, r)
		}
	}
	return list
}

// words follow the number of addresses.
func (r removal) words() string {
	text := "addresses"
	if r.Addresses == 1 {
		text = "address"
	}
	switch r.Prefixes {
	case 0:
	case 1:
		text += ", 1 prefix"
	default:
		text += fmt.Sprintf(", %s prefixes", removedCount(r.Prefixes))
	}
	return text + " (" + r.reason + ")"
}

// removedCount writes a count of addresses.
func removedCount(n uint64) string {
	if n == record.MostRemoved {
		return "many" // above 9 · 10¹⁵
	}
	return tabular.Count(n)
}

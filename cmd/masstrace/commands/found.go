package commands

import (
	"fmt"
	"strings"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/tabular"
)

// stops are the words for the ends of traces, but for that at the target.
var stops = []struct {
	reason      record.StopReason
	name, words string
}{
	{record.StopUnreach, "unreachable", "a router reports it as unreachable"},
	{record.StopGapLimit, "gap limit", "too many silent TTLs in a row"},
	{record.StopHopLimit, "last TTL", "the target is silent up to the last TTL"},
	{record.StopLoop, "loop", "a loop of routers"},
	{record.StopGSS, "met another", "another vantage point goes on from there"},
	{record.StopHalted, "halted", "stopped, or excluded during the run"},
}

// findings writes the findings of the traces, and the losses that spoil them.
func (t *summaryTable) findings(s *record.Summary) {
	if f := s.Findings; f != nil {
		share := func(n uint64) string { return tabular.Percent(n, f.Traces) }
		t.row("traces", f.Traces, "", "")
		t.row("reached", f.Reached, share(f.Reached), "the target answered")
		for _, stop := range stops {
			if n := f.Ends[stop.reason.String()]; n > 0 {
				t.row(stop.name, n, share(n), stop.words)
			}
		}
		t.verdicts(f)
		t.row("interfaces", f.Interfaces, "", "distinct addresses of routers"+estimateWords(f.Interfaces))
		t.row("links", f.Links, "", "pairs of them at adjacent TTLs"+estimateWords(f.Links))
		if f.LongestPath > 0 {
			t.row("median path", uint64(f.MedianPath), "", fmt.Sprintf("TTLs to a target; the longest is %d", f.LongestPath))
		}
	}
	t.ownLosses(s)
	t.rare("limited routers", uint64(len(s.LimitedRouters)), limitedWords(&s.Limits))
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

// verdictWords are the words for the verdicts, but for reached.
var verdictWords = []struct {
	verdict record.Verdict
	words   string
}{
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
	for _, w := range verdictWords {
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

// ownLosses writes the losses of this machine in one line.
func (t *summaryTable) ownLosses(s *record.Summary) {
	frames := s.Drops.Kernel + s.Drops.Interface
	switch {
	case frames+s.TxErrors == 0:
		t.row("lost by us", 0, "", "this machine lost no probe and no reply")
	case s.TxErrors == 0:
		t.row("lost by us", frames, "", "received frames that this machine was too slow to read: lower --rate")
	case frames == 0:
		t.row("lost by us", s.TxErrors, "", "probes that the kernel refused to send")
	default:
		t.row("lost by us", frames+s.TxErrors, "", fmt.Sprintf(
			"%s received frames that this machine was too slow to read: lower --rate; and %s probes that the kernel refused to send",
			tabular.Count(frames), tabular.Count(s.TxErrors)))
	}
}

// leftOut writes the addresses of the lists that are no targets.
func (t *summaryTable) leftOut(l *record.LeftOut) {
	for _, r := range removals(l) {
		t.Add("left out", removedCount(r.Addresses), "", r.words())
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

// limitedWords names the router that left most probes unanswered.
func limitedWords(l *account.Limits) string {
	if len(l.LimitedRouters) == 0 {
		return ""
	}
	r := &l.LimitedRouters[0]
	words := fmt.Sprintf("limit their answer rate; most silent: %s, %s answered, %s silent", r.Addr, tabular.Count(r.Answered), tabular.Count(r.Silent))
	if l.LimitedRoutersCut {
		words += "; the list was cut"
	}
	return words
}

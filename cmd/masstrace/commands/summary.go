package commands

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/highlights"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/tabular"
)

// writeSummary writes the summary of a run for people: the findings, then the account. It has one
// line for each count that is not 0 or that every reader looks for, with its meaning in words. No line
// is wider than width.
func writeSummary(w io.Writer, e *observe.Finished, width int, found *highlights.Counter) error {
	s := e.Summary
	if e.Windows > 0 {
		fmt.Fprintln(w, recordedWords(e))
		if e.Recorded == 0 { // a table of zeros
			return nil
		}
	}
	t := summaryTable{width: width}
	t.findings(s)
	t.diagnosis(s.Diagnosis)
	t.gap()
	t.ownLosses(s)
	t.look(s, found)
	t.gap()
	t.probes(s)
	t.gap()
	t.frames(s)
	err := t.write(w)
	if losses := losses(&s.ByTTL, width); err == nil && len(losses.Rows) > 0 {
		fmt.Fprintln(w)
		err = losses.WriteText(w)
	}
	if err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// recordedWords is the heading of the summary of a run that a checkpoint continues.
func recordedWords(e *observe.Finished) string {
	recorded := fmt.Sprintf("recorded so far: %s of %s windows", tabular.Count(e.Recorded), tabular.Count(e.Windows))
	if e.Recorded == 0 {
		recorded = "nothing is recorded so far: the first window was not finished"
	}
	return fmt.Sprintf("%s\n%s probes of unfinished windows will be sent again", recorded, tabular.Count(e.Summary.Abandoned))
}

// flowsWords returns a number of flows as words.
func flowsWords[N int | uint64](n N) string {
	if n == 1 {
		return "1 flow"
	}
	return fmt.Sprintf("%d flows", n)
}

// probes writes the counts of probes.
func (t *summaryTable) probes(s *record.Summary) {
	each := ""
	if s.TTLs > 0 { // 0 in a replay of another tool's capture
		each = fmt.Sprintf("%d TTLs, %s each", s.TTLs, flowsWords(s.Flows))
	}
	t.row("targets", s.Targets, "", each)
	t.leftOut(s.LeftOut)
	t.row("probes sent", s.Sent, "", paceWords(s))
	if a := s.AutoRate; a != nil {
		t.row("rate found", uint64(a.RatePPS), "", rateWords(a))
	}
	t.row("answered", s.Answered, tabular.Percent(s.Answered, s.Sent), "with a reply in time")
	t.row("silent", s.Silent, tabular.Percent(s.Silent, s.Sent), "without a reply in time")
	t.rare("rate-limited", s.SilentBy.RateLimited, "of the silent: their routers limit the answer rate")
	t.rare("under drops", s.SilentBy.Drops, ownLossWords(s))
	if s.TxErrorsBy == (account.TxErrorsBy{}) {
		t.rare("not sent", s.TxErrors, "refused by the kernel")
	}
	t.reasons("not sent", account.Reasons(&s.TxErrorsBy))
	t.rare("abandoned", s.Abandoned, "in unfinished windows; a resumed run sends them again")
	t.reasons("skipped", account.Reasons(&s.Skipped))
}

// reasons writes the counts of the reasons for something.
func (t *summaryTable) reasons(name string, list []account.Reason) {
	for _, r := range list {
		if r.N > 0 {
			t.needed(name, r.N, "", r.Words)
		}
	}
}

// frames writes the counts of received frames.
func (t *summaryTable) frames(s *record.Summary) {
	share := func(n uint64) string { return tabular.Percent(n, s.Frames) }
	t.row("frames received", s.Frames, "", "of which:")
	t.row("strong", s.Strong, share(s.Strong), "replies, fully authenticated")
	t.row("weak", s.Weak, share(s.Weak), "replies, partly authenticated: one field was rewritten or not quoted")
	t.rare("unverified", s.Unverified, "replies, checked without the key")
	t.row("duplicates", s.Duplicates, share(s.Duplicates), "further replies to answered probes")
	t.row("late replies", s.Late, share(s.Late), "after the waiting time")
	t.row("rejected", s.Rejected.Total(), share(s.Rejected.Total()), rejectedWords(&s.Rejected))
	t.row("unrelated", s.Unrelated, share(s.Unrelated), "not replies to our probes")
	t.rare("IP fragments", s.Fragments, "of the unrelated")
	t.row("malformed", s.Malformed, share(s.Malformed), "cannot be decoded")
	t.rare("UDP replies", s.UDPReplies, "of the replies: from the probed port of a target, no hops")
	t.rare("pure ACKs", s.PureACKs, "of the replies: from targets with a half-open connection, no hops")
	t.row("dropped", s.Drops.Kernel+s.Drops.Interface, "",
		fmt.Sprintf("before they could be read: %d by the kernel, %d by the link", s.Drops.Kernel, s.Drops.Interface))
	t.rare("extensions lost", s.Drops.Extensions, "no room was left for them")
}

// ownLossWords gives the most silent probes that this machine may have caused.
func ownLossWords(s *record.Summary) string {
	return fmt.Sprintf("of the silent: our kernel dropped frames meanwhile, at most %s of their replies",
		tabular.Count(min(s.SilentBy.Drops, s.Drops.Kernel)))
}

// rateWords gives the reason why no higher rate was found.
func rateWords(a *record.AutoRate) string {
	if a.FellPPS == 0 {
		return "probes per second: no limit was found up to there"
	}
	return fmt.Sprintf("probes per second: at %s fewer were answered, in %d of %d trials", tabular.Count(uint64(a.FellPPS)), a.Falls, a.Trials)
}

// losses returns a table of the TTLs with counts beside answered and silent. It has only columns
// with counts, and as many as fit the width.
func losses(by *account.ByTTL, width int) *tabular.Table {
	var all account.TTLCounts
	for ttl := range by {
		all.SilentBy.RateLimited += by[ttl].SilentBy.RateLimited
		all.SilentBy.Drops += by[ttl].SilentBy.Drops
		all.Late += by[ttl].Late
		all.TxErrors += by[ttl].TxErrors
	}
	t := &tabular.Table{Columns: "r", Indent: "  ", Head: []string{"TTL", "sent", "answered", "silent"}}
	rare := []struct {
		head  string
		count func(*account.TTLCounts) uint64
	}{
		{"rate-limited", func(l *account.TTLCounts) uint64 { return l.SilentBy.RateLimited }},
		{"under drops", func(l *account.TTLCounts) uint64 { return l.SilentBy.Drops }},
		{"late", func(l *account.TTLCounts) uint64 { return l.Late }},
		{"not sent", func(l *account.TTLCounts) uint64 { return l.TxErrors }},
	}
	for _, r := range rare {
		if r.count(&all) > 0 {
			t.Head = append(t.Head, r.head)
		}
	}
	for ttl := range by {
		l := &by[ttl]
		row := []string{strconv.Itoa(ttl), tabular.Count(l.Sent), tabular.Count(l.Answered), tabular.Count(l.Silent)}
		any := false
		for _, r := range rare {
			if r.count(&all) > 0 {
				row = append(row, tabular.Count(r.count(l)))
				any = any || r.count(l) > 0
			}
		}
		if any {
			t.Add(row...)
		}
	}
	for len(t.Head) > 2 && widthOf(t) > width {
		t.Head = t.Head[:len(t.Head)-1]
		for i := range t.Rows {
			t.Rows[i] = t.Rows[i][:len(t.Head)]
		}
	}
	return t
}

// widthOf returns the characters of the widest line of a table.
func widthOf(t *tabular.Table) (width int) {
	var b strings.Builder
	_ = t.WriteText(&b) // which never fails
	for line := range strings.Lines(b.String()) {
		width = max(width, utf8.RuneCountInString(line)-1)
	}
	return width
}

// paceWords gives the time that the run took, and its mean rate.
func paceWords(s *record.Summary) string {
	if s.ElapsedS <= 0 {
		return ""
	}
	return fmt.Sprintf("in %s: %s per second", timeWords(s.ElapsedS), tabular.Count(uint64(float64(s.Sent)/s.ElapsedS)))
}

// rejectedWords lists the reasons for which frames were rejected.
func rejectedWords(r *account.Rejected[uint64]) string {
	var list []string
	for _, reason := range account.Reasons(r) {
		if reason.N != 0 {
			list = append(list, fmt.Sprintf("%s %s", reason.Name, tabular.Count(reason.N)))
		}
	}
	if len(list) == 0 {
		return "not authentic"
	}
	return strings.Join(list, ", ")
}

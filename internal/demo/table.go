package main

import (
	"fmt"
	"io"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/tabular"
	"github.com/masstrace/masstrace/internal/verify"
)

// writeTable writes the counts of the scan, and of its true hops.
func writeTable(w io.Writer, s *record.Summary, r *verify.Report) error {
	recall := &r.Recall
	ruledOut := ""
	if n := recall.Missing.RuledOut; n > 0 {
		ruledOut = fmt.Sprintf("; %s came rewritten and proved too little", tabular.Count(n))
	}
	ends := verify.Ends{}
	if r.Ends != nil {
		ends = *r.Ends
	}
	lines := [][3]string{
		{"targets", tabular.Count(s.Targets), "addresses, each with a path traced to it"},
		{"probes", tabular.Count(s.Sent), fmt.Sprintf("sent, for TTLs up to %d; none above a target that has answered", s.TTLs)},
		{"answered", fmt.Sprintf("%.1f %%", percent(s.Answered, s.Sent)), "of the probes; the others met loss, silence and rate limits"},
		{"hops found", tabular.Count(r.Hops.Judged), "answers that proved to be about our own probes"},
		{"false hops", tabular.Count(r.Hops.False()), "hops of which the simulator's log says otherwise"},
		{"recall", fmt.Sprintf("%.4f", recall.Share), fmt.Sprintf("%s of %s hops that answered are in the results%s",
			tabular.Count(recall.Found), tabular.Count(recall.Answers), ruledOut)},
		{"ends right", fmt.Sprintf("%.1f %%", percent(ends.Right, ends.Traces)), "of the traces stop where and why they should"},
		{"probed twice", tabular.Count(r.Repeats.Identical + r.Repeats.Excess), "probes that need not have been sent"},
		{"time", fmt.Sprintf("%.1f s", s.ElapsedS), "with the wait for the last answers"},
		{"rate", tabular.Count(uint64(r.Pace.RatePPS + 0.5)), "probes a second, as they arrived"},
	}
	fmt.Fprintln(w, "\nWhat the scan did, and how much of it is true:")
	t := tabular.Table{Columns: "lrl", Indent: "  "}
	for _, l := range lines {
		t.Add(l[:]...)
	}
	if err := t.WriteText(w); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

func percent(part, whole uint64) float64 {
	if whole == 0 {
		return 100
	}
	return 100 * float64(part) / float64(whole)
}

package ndjson

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

// Text writes s for people: one line for each count that is not 0 or that
// everybody looks for, with what it is in words.
func (s *Summary) Text(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, n uint64, share, what string) {
		// An empty cell ends the aligned columns; the words stand to the left.
		fmt.Fprintf(t, "%s\t%s\t%s\t  %s\n", name, group(n), share, what)
	}
	rare := func(name string, n uint64, what string) {
		if n != 0 {
			row(name, n, "", what)
		}
	}
	each := ""
	if s.TTLs > 0 { // captures of others do not tell
		each = fmt.Sprintf("%d TTLs, %d flow(s) each", s.TTLs, s.Flows)
	}
	row("targets", s.Targets, "", each)
	row("probes sent", s.Sent, "", s.pace())
	if a := s.AutoRate; a != nil {
		row("rate found", uint64(a.RatePPS), "", a.words())
	}
	row("answered", s.Answered, percent(s.Answered, s.Sent), "with a reply in time")
	row("silent", s.Silent, percent(s.Silent, s.Sent), "without")
	rare("rate-limited", s.SilentBy.RateLimited, "of the silent: by responders that limit the rate of their answers")
	rare("limited routers", uint64(len(s.LimitedRouters)), s.limitedWords())
	rare("under drops", s.SilentBy.Drops, s.ownLoss())
	rare("not sent", s.TxErrors, "refused by the kernel")
	rare("abandoned", s.Abandoned, "sent, and left to a resumed run, which sends them again")
	rare("skipped", s.Skipped.Reached, "beyond a target that had answered")
	rare("skipped", s.Skipped.Unreachable, "beyond where it was said to be unreachable")
	rare("skipped", s.Skipped.Loop, "beyond a loop of routers")
	rare("skipped", s.Skipped.GapLimit, "beyond too many silent TTLs")
	rare("skipped", s.Skipped.Known, "on parts of paths that other traces saw")
	rare("skipped", s.Skipped.Limited, "at routers that answer only so many")
	rare("skipped", s.Skipped.Excluded, "excluded")
	rare("skipped", s.Skipped.Interrupted, "the run ended before")
	rare("skipped", s.Skipped.TxError, "refused by the kernel")
	row("frames received", s.Received, "", "of which:")
	row("strong", s.Strong, percent(s.Strong, s.Received), "answers, authenticated in full")
	row("weak", s.Weak, percent(s.Weak, s.Received), "answers, authenticated in part: the rest was rewritten or not quoted")
	rare("unverified", s.Unverified, "answers, as far as can be told without the key")
	row("duplicates", s.Duplicates, percent(s.Duplicates, s.Received), "of answers")
	row("late", s.Late, percent(s.Late, s.Received), "after the wait")
	row("rejected", s.Rejected.Total(), percent(s.Rejected.Total(), s.Received), s.Rejected.words())
	row("unrelated", s.Unrelated, percent(s.Unrelated, s.Received), "not for us")
	rare("IP fragments", s.Fragments, "of the unrelated")
	row("malformed", s.Malformed, percent(s.Malformed, s.Received), "cannot be decoded")
	rare("UDP datagrams", s.UDPReplies, "of the answers: from a target's probed port")
	rare("pure ACKs", s.PureACKs, "of the answers: from targets with a connection half open")
	row("dropped", s.Drops.Kernel+s.Drops.Interface, "",
		fmt.Sprintf("unseen: %d by the kernel, %d by the link", s.Drops.Kernel, s.Drops.Interface))
	rare("extensions lost", s.Drops.Extensions, "for want of room")
	s.lossRows(t)
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	_, err := fmt.Fprintln(w, s.ending())
	return err
}

// limitedWords says which router silenced most.
func (s *Summary) limitedWords() string {
	if len(s.LimitedRouters) == 0 {
		return ""
	}
	r := &s.LimitedRouters[0]
	words := fmt.Sprintf("that limit the rate of their answers, before all %s: %s answered, %s silent", r.Addr, group(r.Answered), group(r.Silent))
	if s.LimitedRoutersCut {
		words += "; there are more"
	}
	return words
}

// ownLoss says how much of the silence is this machine's doing, at most.
func (s *Summary) ownLoss() string {
	return fmt.Sprintf("of the silent: awaited while our kernel dropped frames, which silenced at most %s of them",
		group(min(s.SilentBy.Drops, s.Drops.Kernel)))
}

// words says what stood in the way of more.
func (a *AutoRate) words() string {
	if a.FellPPS == 0 {
		return "probes a second: the answers held at all that were tried"
	}
	return fmt.Sprintf("probes a second: at %s fewer answered, in %d of %d trials", group(uint64(a.FellPPS)), a.Falls, a.Trials)
}

// lossRows writes a table of the TTLs at which more is known than who answered and
// who was silent.
func (s *Summary) lossRows(t *tabwriter.Writer) {
	headed := false
	for i := range s.ByTTL {
		l := &s.ByTTL[i]
		if l.SilentBy.Drops+l.SilentBy.RateLimited+l.Late+l.TxErrors == 0 {
			continue
		}
		if !headed {
			fmt.Fprintln(t)
			fmt.Fprintln(t, "TTL\tsent\tanswered\tsilent\trate-limited\tunder drops\tlate\tnot sent\t")
			headed = true
		}
		fmt.Fprintf(t, "%d\t", l.TTL)
		for _, n := range []uint64{l.Sent, l.Answered, l.Silent, l.SilentBy.RateLimited, l.SilentBy.Drops, l.Late, l.TxErrors} {
			fmt.Fprintf(t, "%s\t", group(n))
		}
		fmt.Fprintln(t)
	}
}

// pace says how long it took and how fast that was.
func (s *Summary) pace() string {
	if s.ElapsedS <= 0 {
		return ""
	}
	elapsed := time.Duration(s.ElapsedS * float64(time.Second)).Round(10 * time.Millisecond)
	return fmt.Sprintf("in %v: %s a second", elapsed, group(uint64(float64(s.Sent)/s.ElapsedS)))
}

// ending says whether that was all.
func (s *Summary) ending() string {
	if s.Complete {
		return "complete"
	}
	why := map[string]string{
		ReasonDone:       "not all probes could be sent",
		ReasonSignal:     "stopped by a signal",
		ReasonDisk:       "the results could not be written",
		ReasonLink:       "the link failed",
		ReasonMaxRuntime: "the time was up",
		ReasonShards:     "shards are missing",
		ReasonList:       "a line of the list is wrong",
		ReasonCapture:    "the capture is not whole",
	}[s.Reason]
	if why == "" {
		why = s.Reason
	}
	return "incomplete: " + why
}

// words lists the reasons for which something was rejected.
func (r *Rejected) words() string {
	words := ""
	for _, reason := range []struct {
		name string
		n    uint64
	}{
		{"checksum", r.Checksum}, {"source", r.Source}, {"tag", r.Tag},
		{"conflict", r.Conflict}, {"unsent", r.Unsent},
	} {
		if reason.n == 0 {
			continue
		}
		if words != "" {
			words += ", "
		}
		words += fmt.Sprintf("%s %s", reason.name, group(reason.n))
	}
	if words == "" {
		return "not authentic"
	}
	return words
}

// group writes n with a comma between thousands.
func group(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// percent writes which share of all n is; nothing if there is nothing.
func percent(n, all uint64) string {
	if all == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(all))
}

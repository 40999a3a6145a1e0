package commands

import (
	"fmt"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/highlights"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/tabular"
)

// mostNamed is how many of the worst routers or systems a row of a summary names.
const mostNamed = 3

// look writes what a user should look at. found may be nil.
func (t *summaryTable) look(s *record.Summary, found *highlights.Counter) {
	if n := uint64(len(s.LimitedRouters)); n > 0 {
		t.needed("limited routers", n, "", limitedWords(&s.Limits))
	}
	if hops := found.SlowHops(mostNamed); len(hops) > 0 {
		t.rows = append(t.rows, summaryRow{name: "slowest hop", count: delayWords(hops[0].Mean), words: slowWords(hops) + partWords(s, found), needed: true})
	}
	if list, silent, all := found.Silent(mostNamed); silent > 0 {
		t.needed("silent ASes", uint64(silent), tabular.Percent(uint64(silent), uint64(all)), silentWords(list)+partWords(s, found))
	}
}

// limitedWords names the routers that left most probes unanswered.
func limitedWords(l *account.Limits) string {
	words := "limit their answers: try a lower --per-hop-rate; most silent: "
	var list []string
	for _, r := range l.LimitedRouters[:min(len(l.LimitedRouters), mostNamed)] {
		list = append(list, fmt.Sprintf("%s (%s of %s probes)", r.Addr, tabular.Count(r.Silent), tabular.Count(r.Answered+r.Silent)))
	}
	words += strings.Join(list, ", ")
	if l.LimitedRoutersCut {
		words += "; the list was cut"
	}
	return words
}

// slowWords names the hops that add most time. The first number is in the column of the counts.
func slowWords(hops []highlights.SlowHop) string {
	var list []string
	for i, h := range hops {
		text := fmt.Sprintf("by %s to %s traces", h.Addr.Netip(), tabular.Count(h.Traces))
		if i == 0 {
			text = "added on average " + text
		} else {
			text = delayWords(h.Mean) + " " + text
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// delayWords writes a delay in milliseconds.
func delayWords(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

// silentWords names the silent systems with most targets.
func silentWords(list []highlights.SilentSystem) string {
	var names []string
	for _, s := range list {
		name := fmt.Sprintf("AS%d", s.ASN)
		if s.Name != "" {
			name += " " + s.Name
		}
		names = append(names, fmt.Sprintf("%s (%s)", name, tabular.Count(s.Targets)))
	}
	return "no target and no router in them answered; most targets: " + strings.Join(names, ", ")
}

// partWords notes that another process traced some of the targets.
func partWords(s *record.Summary, found *highlights.Counter) string {
	if s.Findings == nil || found.Traces() >= s.Findings.Traces {
		return ""
	}
	return fmt.Sprintf("; by the last %s traces", tabular.Count(found.Traces()))
}

// ownLosses writes the losses of this machine in one line.
func (t *summaryTable) ownLosses(s *record.Summary) {
	frames := s.Drops.Kernel + s.Drops.Interface
	switch {
	case frames+s.TxErrors == 0:
		t.row("lost by us", 0, "", "this machine lost no probe and no reply")
	case s.TxErrors == 0:
		t.needed("lost by us", frames, "", "received frames that this machine was too slow to read: lower --rate")
	case frames == 0:
		t.needed("lost by us", s.TxErrors, "", "probes that the kernel refused to send")
	default:
		t.needed("lost by us", frames+s.TxErrors, "", fmt.Sprintf(
			"%s received frames that this machine was too slow to read: lower --rate; and %s probes that the kernel refused to send",
			tabular.Count(frames), tabular.Count(s.TxErrors)))
	}
}

// Package table makes tables of watched paths: rows, columns, and their texts for people and
// programs. It writes to no terminal.
package table

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/watch/board"
)

// Look is how tables look.
type Look struct {
	// Name returns the name of an address, "" if it is not known; nil is for addresses alone.
	Name func(netip.Addr) string
	// Label returns the autonomous system and the like of an address, "" if it is not known; nil
	// is for none.
	Label func(netip.Addr) string
	// ASCII has no other characters.
	ASCII bool
	// Flows has a column for the flow.
	Flows bool
}

// Row is a row of a table: a hop of a flow.
type Row struct {
	TTL  uint8
	Flow int
	Path *board.Path
	Hop  *board.Hop // nil if no probe of the flow went there
	Loss board.Loss
	// Quiet, unless it is 0, is the last TTL of a run of hops without an answer, which are one row.
	Quiet uint8
}

// Rows returns the rows of a target by TTL, then by flow. Silent hops at the end of all paths are
// one row.
func Rows(t *board.Target) []Row {
	var rows []Row
	last, answered := uint8(0), uint8(0)
	for _, p := range t.Flows {
		last = max(last, p.Last())
		answered = max(answered, p.Highest())
		if p.End == 0 {
			last = max(last, p.Asked())
		}
	}
	for ttl := uint8(1); ttl <= last; ttl++ {
		if ttl > answered {
			if h := t.Flows[0].Hop(ttl); h != nil {
				rows = append(rows, Row{TTL: ttl, Path: t.Flows[0], Hop: h, Loss: t.Flows[0].LossAt(ttl), Quiet: last})
				break
			}
			continue
		}
		for _, p := range t.Flows {
			h := p.Hop(ttl)
			if h == nil || ttl > p.Last() {
				continue
			}
			rows = append(rows, Row{TTL: ttl, Flow: p.Flow, Path: p, Hop: h, Loss: p.LossAt(ttl)})
		}
	}
	return rows
}

// Host returns the name or the address of a row.
func (l *Look) Host(r *Row) string {
	switch {
	case r.Quiet > r.TTL:
		return fmt.Sprintf("(no answer up to TTL %d)", r.Quiet)
	case r.Hop == nil || !r.Hop.Addr().IsValid():
		return "(no answer)"
	}
	return l.Address(r.Hop.Addr())
}

// Address returns the name of an address, or the address.
func (l *Look) Address(a netip.Addr) string {
	if l.Name != nil {
		if name := l.Name(a); name != "" && name != a.String() {
			return name + " (" + a.String() + ")"
		}
	}
	return a.String()
}

// Mark is a note on a row.
type Mark struct{ Short, Long string }

// Marks returns the notes on a row.
func (l *Look) Marks(r *Row) (marks []Mark) {
	add := func(short, format string, args ...any) {
		marks = append(marks, Mark{short, fmt.Sprintf(format, args...)})
	}
	if r.Loss.Kind == board.Limited {
		add("limit", "the router limits its answers; later hops lose %s", percent(r.Loss.Network))
	}
	if r.Hop == nil {
		return marks
	}
	if r.Hop.Unsent > 0 {
		add("unsent", "this machine did not send %d probes", r.Hop.Unsent)
	}
	a := r.Hop.Answer()
	if a == nil {
		return marks
	}
	if len(a.MPLS) > 0 {
		add("mpls", "%s", labels(a))
	}
	if a.Rewritten != 0 {
		add("nat", "rewritten on the way: %s", strings.Join(a.Rewritten.AppendNames(nil), ", "))
	}
	if a.Kind.IsUnreach() {
		add("!", "%s", kindText(a.Kind))
	}
	if a.MTU > 0 {
		add("mtu", "next-hop MTU %d", a.MTU)
	}
	if n := recent(r.Hop); n > 1 {
		add(fmt.Sprintf("%d addrs", n), "%d addresses answer in turn", n)
	}
	return marks
}

// recent returns how many addresses answered in turn in the latest cycles. An address that the path
// has left for good is none of them.
func recent(h *board.Hop) (n int) {
	var latest, newest uint32
	for i := range h.Seen {
		latest = max(latest, h.Seen[i].Last)
	}
	if now := h.Answer(); now != nil {
		newest = now.First
	}
	for i := range h.Seen {
		if latest-h.Seen[i].Last < 10 && h.Seen[i].Last >= newest {
			n++
		}
	}
	return n
}

// labels returns the label stack of an answer.
func labels(a *board.Seen) string {
	var text []string
	for _, m := range a.MPLS {
		text = append(text, fmt.Sprintf("%d", m.Label))
	}
	return "MPLS " + strings.Join(text, " ")
}

// ShortMarks returns the short form of the notes on a row.
func (l *Look) ShortMarks(r *Row) string {
	var text []string
	for _, m := range l.Marks(r) {
		text = append(text, m.Short)
	}
	return strings.Join(text, " ")
}

// percent returns a share as a text.
func percent(share float64) string { return fmt.Sprintf("%.1f%%", 100*share) }

// Sort orders rows by a column, the largest first. Without a column they stay in order.
func Sort(rows []Row, c *Column) {
	if c == nil || c.Value == nil {
		return
	}
	slices.SortStableFunc(rows, func(a, b Row) int {
		x, y := c.Value(&a), c.Value(&b)
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
}

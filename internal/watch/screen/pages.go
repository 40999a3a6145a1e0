package screen

import (
	"fmt"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/watch/table"
)

// pageOf returns a page with a title and a body that can be scrolled.
func (m *model) pageOf(title string, body []string) []string {
	room := max(m.height-3, 1)
	m.scroll = max(min(m.scroll, len(body)-room), 0)
	lines := []string{m.theme.title.Render(title)}
	if m.height > 4 {
		lines = append(lines, "")
	}
	lines = append(lines, body[m.scroll:min(m.scroll+room, len(body))]...)
	for len(lines) < m.height-1 {
		lines = append(lines, "")
	}
	return append(lines, m.theme.key.Render("q")+m.theme.dim.Render(" back"))
}

// help returns the keys, then the columns.
func (m *model) help() (lines []string) {
	for _, k := range keyHelp {
		lines = append(lines, m.theme.key.Render(fmt.Sprintf("%-12s", k[0]))+" "+k[1])
	}
	lines = append(lines, "", m.theme.head.Render("Columns"))
	for _, c := range m.cfg.Columns {
		lines = append(lines, fmt.Sprintf("%-12s %s", c.Title, c.Meaning))
	}
	lost := "×"
	if m.cfg.Look.ASCII {
		lost = "x"
	}
	return append(lines, "", m.theme.head.Render("Notes"),
		fmt.Sprintf("%-12s %s", "limit", "the router limits its answers: later hops lose fewer, so no packet to the target was lost here"),
		fmt.Sprintf("%-12s %s", "nat", "a device on the path rewrites fields of our probes"),
		fmt.Sprintf("%-12s %s", "mpls", "the probe had MPLS labels when the router dropped it"),
		fmt.Sprintf("%-12s %s", "!", "the router reports that the target is unreachable"),
		fmt.Sprintf("%-12s %s", "2 addrs", "so many addresses answer in turn: a balancer"),
		fmt.Sprintf("%-12s %s", lost, "in the history: no answer"))
}

// changes returns the changes of a target, the latest first.
func (m *model) changes(t *board.Target) (lines []string) {
	for i := len(t.Changes) - 1; i >= 0; i-- {
		lines = append(lines, table.ChangeText(&t.Changes[i], m.look()))
	}
	if lines == nil {
		return []string{"The path has not changed."}
	}
	return lines
}

// details returns the page of the hop that is selected.
func (m *model) details(t *board.Target) []string {
	rows := m.rowsOf(t)
	if len(rows) == 0 {
		return []string{"No hop has answered yet."}
	}
	m.rows = len(rows)
	r := &rows[min(m.row, len(rows)-1)]
	look, h := m.look(), r.Hop
	title := fmt.Sprintf("TTL %d  %s", r.TTL, look.Host(r))
	if look.Flows {
		title += fmt.Sprintf("  flow %d", r.Flow)
	}
	lines := []string{m.theme.head.Render(title), ""}
	lines = append(lines, fmt.Sprintf("sent %d, answered %d, late %d, loss %.1f%%, loss of the network %.1f%%",
		h.Sent, h.Received, h.Late, 100*r.Loss.Share, 100*r.Loss.Network))
	for _, note := range look.Marks(r) {
		lines = append(lines, m.theme.mark.Render(note.Long))
	}
	lines = append(lines, m.addresses(t, r, look)...)
	if a := h.Answer(); a != nil {
		lines = append(lines, "", m.theme.head.Render("Last answer"), fmt.Sprintf("%s, TTL of the answer %d, quoted TTL %d",
			strings.ReplaceAll(a.Kind.String(), "_", " "), a.ReplyTTL, a.QuotedTTL))
		if a.Weak {
			lines = append(lines, "one of its two tags is valid: the other was rewritten, or the quotation is short")
		}
		for _, label := range a.MPLS {
			lines = append(lines, fmt.Sprintf("MPLS label %d, class %d, bottom %d, TTL %d", label.Label, label.EXP, label.S, label.TTL))
		}
	}
	if h.Received > 0 {
		lines = append(lines, "", m.theme.head.Render("Round-trip times, ms"), fmt.Sprintf("best %s, median %s, p90 %s, p95 %s, p99 %s, worst %s, jitter %s",
			table.Millis(h.Best), table.Millis(h.Percentile(50)), table.Millis(h.Percentile(90)), table.Millis(h.Percentile(95)),
			table.Millis(h.Percentile(99)), table.Millis(h.Worst), table.Millis(h.MeanJitter)))
		lines = append(lines, m.histogram(h)...)
	}
	return lines
}

// addresses returns all addresses that answered at the TTL of a row, by flow.
func (m *model) addresses(t *board.Target, r *table.Row, look *table.Look) []string {
	lines := []string{"", m.theme.head.Render("Addresses")}
	for _, p := range t.Flows {
		h := p.Hop(r.TTL)
		if h == nil {
			continue
		}
		for i := range h.Seen {
			s := &h.Seen[i]
			text := fmt.Sprintf("%6d  %s", s.Count, look.Address(s.Addr))
			if look.Flows {
				text = fmt.Sprintf("flow %-3d %s", p.Flow, text)
			}
			if look.Label != nil {
				text += "  " + look.Label(s.Addr)
			}
			lines = append(lines, text+m.theme.dim.Render(fmt.Sprintf("  cycles %d to %d", s.First+1, s.Last+1)))
		}
	}
	return lines
}

// histogram returns the bars of the times of a hop.
func (m *model) histogram(h *board.Hop) (lines []string) {
	bars := h.Times().Bars(min(max(m.height/3, 4), 16))
	most := uint64(1)
	for _, b := range bars {
		most = max(most, b.Count)
	}
	full := "█"
	if m.cfg.Look.ASCII {
		full = "#"
	}
	room := max(min(m.width-34, 80), 5)
	for _, b := range bars {
		n := int(b.Count * uint64(room) / most)
		if b.Count > 0 {
			n = max(n, 1)
		}
		label := fmt.Sprintf("%8s to %-8s", table.Millis(b.Low), table.Millis(b.Next-time.Microsecond))
		lines = append(lines, m.theme.dim.Render(label)+fmt.Sprintf(" %7d ", b.Count)+m.theme.good.Render(strings.Repeat(full, n)))
	}
	return lines
}

// firstCells returns the first n characters of a line, without styles.
func firstCells(line string, n int) string { return ansi.Strip(ansi.Truncate(line, n, "")) }

// afterCells returns a line without its first n characters.
func afterCells(line string, n int) string { return ansi.TruncateLeft(line, n, "") }

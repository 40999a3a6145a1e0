package screen

import (
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/watch/table"
)

// Widths of the table.
const (
	leastHost    = 15 // an IPv4 address
	comfortHost  = 22
	mostHost     = 60
	leastHistory = 8
	mostHistory  = 120
)

// layout is the widths of a table.
type layout struct {
	columns                           []table.Column
	flow, host, label, notes, history int
}

// width returns the width of all columns but host and history, each with a space before it.
func (l *layout) width() int {
	w := 3
	for _, extra := range []int{l.flow, l.label, l.notes} {
		if extra > 0 {
			w += extra + 1
		}
	}
	for _, c := range l.columns {
		w += c.Width + 1
	}
	return w
}

// layout fits the columns to the width of the terminal: the last columns go first, then the notes.
// The history takes the rest.
func (m *model) layout(rows []table.Row, look *table.Look) layout {
	l := layout{columns: m.cfg.Columns}
	if m.wide {
		l.columns = nil
		for _, c := range m.cfg.Columns {
			if c.Name == "loss" || c.Name == "avg" {
				l.columns = append(l.columns, c)
			}
		}
	}
	if look.Flows {
		l.flow = 4
	}
	longest := leastHost
	for i := range rows {
		longest = max(longest, lipgloss.Width(look.Host(&rows[i])))
		l.notes = max(l.notes, lipgloss.Width(look.ShortMarks(&rows[i])))
	}
	if look.Label != nil {
		if l.label = 9; m.width >= 110 {
			l.label = 22
		}
	}
	if l.notes > 0 {
		l.notes = min(max(l.notes, len("Notes")), 16)
	}
	wish := min(max(longest, leastHost), comfortHost)
	for len(l.columns) > 1 && l.width()+1+wish+1+leastHistory > m.width {
		l.columns = l.columns[:len(l.columns)-1]
	}
	if l.width()+1+leastHost > m.width {
		l.label, l.notes = 0, 0
	}
	for len(l.columns) > 0 && l.width()+1+min(longest, leastHost) > m.width {
		l.columns = l.columns[:len(l.columns)-1]
	}
	rest := m.width - l.width() - 1
	l.host = min(longest, mostHost)
	if want := m.wantedHistory(rest); l.host > rest-1-want {
		l.host = max(rest-1-want, min(leastHost, rest))
	}
	if l.history = min(rest-l.host-1, mostHistory); l.history < 5 {
		l.history, l.host = 0, min(max(rest, 0), longest)
	}
	return l
}

// wantedHistory returns the width of the history if the hosts could use all of rest.
func (m *model) wantedHistory(rest int) int {
	if m.wide {
		return max(rest-comfortHost-1, leastHistory)
	}
	return min(max(rest/3, leastHistory), 40)
}

// grid returns the titles and the rows, at most height lines.
func (m *model) grid(t *board.Target, height int) []string {
	look := m.look()
	rows := m.rowsOf(t)
	m.rows = len(rows)
	m.row = min(m.row, max(len(rows)-1, 0))
	l := m.layout(rows, look)
	var lines []string
	if height > 3 {
		lines = append(lines, m.titles(&l))
	}
	if len(rows) == 0 {
		return append(lines, m.theme.dim.Render("waiting for the first answers"))
	}
	room := max(height-len(lines), 1)
	m.top = min(max(m.top, m.row-room+1), m.row)
	m.top = max(min(m.top, len(rows)-room), 0)
	for i := m.top; i < min(m.top+room, len(rows)); i++ {
		lines = append(lines, m.line(&rows[i], &l, look, i == m.row, m.top < i && rows[i-1].TTL == rows[i].TTL))
	}
	return lines
}

// rowsOf returns the rows of the chosen flows, in the chosen order.
func (m *model) rowsOf(t *board.Target) []table.Row {
	all := table.Rows(t)
	rows := all[:0]
	for _, r := range all {
		if m.flow < 0 || r.Flow == m.flow || r.Quiet > 0 {
			rows = append(rows, r)
		}
	}
	for i := range m.cfg.Columns {
		if m.cfg.Columns[i].Name == m.sort {
			table.Sort(rows, &m.cfg.Columns[i])
		}
	}
	return rows
}

// titles returns the line above the rows.
func (m *model) titles(l *layout) string {
	line := "TTL"
	if l.flow > 0 {
		line += " " + m.pad("Flow", l.flow, false)
	}
	line += " " + m.pad("Host", l.host, true)
	if l.label > 0 {
		line += " " + m.pad("AS", l.label, true)
	}
	for _, c := range l.columns {
		title := c.Title
		if c.Name == m.sort {
			title = m.sorted() + title
		}
		line += " " + m.pad(title, c.Width, c.Left())
	}
	if l.notes > 0 {
		line += " " + m.pad("Notes", l.notes, true)
	}
	if l.history > 0 {
		line += " " + m.pad("History", l.history, true)
	}
	return m.theme.head.Underline(!m.cfg.Look.ASCII).Render(m.pad(line, m.width, true))
}

func (m *model) sorted() string {
	if m.cfg.Look.ASCII {
		return "v"
	}
	return "▾"
}

// line returns a row.
func (m *model) line(r *table.Row, l *layout, look *table.Look, chosen, again bool) string {
	ttl := fmt.Sprintf("%3d", r.TTL)
	if again {
		ttl = "   "
	}
	host := m.host(r, look, l.host)
	if r.Quiet > 0 {
		return m.choose(chosen, m.theme.dim.Render(ttl+" "+m.cut(look.Host(r), m.width-4)))
	}
	style := lipgloss.NewStyle()
	if r.Hop.Received == 0 {
		style = m.theme.dim
	}
	var b strings.Builder
	b.WriteString(m.theme.dim.Render(ttl))
	if l.flow > 0 {
		b.WriteString(" " + m.theme.dim.Render(m.pad(fmt.Sprint(r.Flow), l.flow, false)))
	}
	b.WriteString(" " + style.Render(m.pad(host, l.host, true)))
	if l.label > 0 {
		label := ""
		if look.Label != nil && r.Hop.Addr().IsValid() {
			label = look.Label(r.Hop.Addr())
		}
		b.WriteString(" " + m.theme.dim.Render(m.pad(label, l.label, true)))
	}
	for i := range l.columns {
		c := &l.columns[i]
		b.WriteString(" " + m.cell(c, r).Render(m.pad(c.Text(r, look), c.Width, c.Left())))
	}
	if l.notes > 0 {
		b.WriteString(" " + m.theme.mark.Render(m.pad(look.ShortMarks(r), l.notes, true)))
	}
	if l.history > 0 {
		b.WriteString(" " + m.heat(r, look, l.history))
	}
	return m.choose(chosen, b.String())
}

// choose marks the row that is selected.
func (m *model) choose(chosen bool, line string) string {
	if !chosen {
		return line
	}
	head, rest := m.cut3(line)
	return m.theme.chosen.Render(head) + rest
}

// cut3 returns the TTL of a line without its style, and the rest.
func (m *model) cut3(line string) (head, rest string) {
	plain := lipgloss.NewStyle().Render(strings.TrimRight(firstCells(line, 3), " "))
	return m.pad(plain, 3, false), afterCells(line, 3)
}

// host returns the host of a row: the name alone if there is no room for its address.
func (m *model) host(r *table.Row, look *table.Look, width int) string {
	text := look.Host(r)
	if lipgloss.Width(text) <= width || look.Name == nil || r.Hop == nil || !r.Hop.Addr().IsValid() {
		return text
	}
	if name := look.Name(r.Hop.Addr()); name != "" {
		return name
	}
	return text
}

// cell returns the style of a cell: loss has colours, and is dim if it is a limit.
func (m *model) cell(c *table.Column, r *table.Row) lipgloss.Style {
	switch {
	case r.Hop.Received == 0:
		return m.theme.dim
	case c.Name != "loss" && c.Name != "drop":
		return lipgloss.NewStyle()
	case r.Loss.Kind == board.Limited:
		return m.theme.dim
	case r.Loss.Share == 0:
		return m.theme.good
	case r.Loss.Share < 0.05:
		return m.theme.fair
	}
	return m.theme.bad
}

// heat returns the history of a hop: levels with colours.
func (m *model) heat(r *table.Row, look *table.Look, width int) string {
	h, quiet := r.Hop, r.Loss.Kind == board.Limited || r.Loss.Kind == board.SilentHop
	text := []rune(look.Spark(h, width))
	times, usual := h.History(width), h.Percentile(50)
	var b strings.Builder
	for from := 0; from < len(text); {
		style := warmth(usual, times[from], quiet)
		to := from + 1
		for to < len(text) && warmth(usual, times[to], quiet) == style {
			to++
		}
		b.WriteString(m.warm(style).Render(string(text[from:to])))
		from = to
	}
	return b.String()
}

// warmth classes a time by the usual one of its hop. 0 is usual, 1 is longer, 2 is much longer or
// a loss, and 3 is the silence of a quiet router.
func warmth(usual, d time.Duration, quiet bool) int {
	switch {
	case d == board.Lost && quiet:
		return 3
	case d == board.Lost:
		return 2
	case d > 3*usual+5*time.Millisecond:
		return 2
	case d > usual*3/2+2*time.Millisecond:
		return 1
	}
	return 0
}

func (m *model) warm(class int) lipgloss.Style {
	return []lipgloss.Style{m.theme.good, m.theme.fair, m.theme.bad, m.theme.dim}[class]
}

package screen

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/watch/table"
)

// draw returns the picture: lines that fit the terminal.
func (m *model) draw(b *board.Board) string {
	t := b.Targets[min(m.tab, len(b.Targets)-1)]
	var lines []string
	switch m.page {
	case pageHelp:
		lines = m.pageOf("Keys", m.help())
	case pageDetails:
		lines = m.pageOf("Hop", m.details(t))
	case pageChanges:
		lines = m.pageOf("Changes of the path", m.changes(t))
	default:
		lines = m.table(b, t)
	}
	for i := range lines {
		lines[i] = m.cut(lines[i], m.width)
	}
	return strings.Join(lines[:min(len(lines), max(m.height, 1))], "\n")
}

// cut shortens a text to a width, with a mark at the cut.
func (m *model) cut(text string, width int) string {
	mark := "…"
	if m.cfg.Look.ASCII {
		mark = "~"
	}
	return ansi.Truncate(text, max(width, 0), mark)
}

// pad fills or cuts a text to a width.
func (m *model) pad(text string, width int, left bool) string {
	text = m.cut(text, width)
	fill := strings.Repeat(" ", max(width-lipgloss.Width(text), 0))
	if left {
		return text + fill
	}
	return fill + text
}

// spread returns a line with one text at each edge.
func (m *model) spread(left, right string) string {
	room := m.width - lipgloss.Width(left) - lipgloss.Width(right)
	if room < 1 {
		return left
	}
	return left + strings.Repeat(" ", room) + right
}

// look returns how addresses look now.
func (m *model) look() *table.Look {
	l := m.cfg.Look
	l.Flows = m.flows > 1
	if m.numeric {
		l.Name = nil
	}
	return &l
}

// table returns the page with the hops of a target, or of several. A low terminal has fewer lines around
// them.
func (m *model) table(b *board.Board, t *board.Target) []string {
	if n := m.panes(); n > 1 {
		return m.sideBySide(b, n)
	}
	head := []string{m.titleLine(b, t)}
	if m.height >= 8 && len(b.Targets) > 1 {
		head = append(head, m.tabs(b))
	}
	if m.height >= 10 {
		head = append(head, "")
	}
	foot := m.footer(t)
	grid := m.grid(t, m.height-len(head)-len(foot))
	lines := append(head, grid...)
	for len(lines) < m.height-len(foot) {
		lines = append(lines, "")
	}
	return append(lines, foot...)
}

// titleLine returns the first line.
func (m *model) titleLine(b *board.Board, t *board.Target) string {
	name := m.nameOf(t)
	left := m.theme.title.Render("masstrace") + " " + name
	if m.width < 50 {
		left = m.theme.title.Render(name)
	}
	right := m.progress(b)
	if lipgloss.Width(left)+lipgloss.Width(right) >= m.width {
		right = m.theme.dim.Render(fmt.Sprintf("cycle %d ", b.Cycles)) + m.state()
	}
	return m.spread(left, right)
}

// nameOf returns the name and the address of a target.
func (m *model) nameOf(t *board.Target) string {
	name := t.Addr.String()
	if t.Name != "" && t.Name != name && !m.numeric {
		name = t.Name + " (" + name + ")"
	}
	return name
}

// progress returns the probes, the cycle and whether the watch goes on.
func (m *model) progress(b *board.Board) string {
	return m.theme.dim.Render(fmt.Sprintf("%s  cycle %d  ", m.cfg.Title, b.Cycles)) + m.state()
}

// state returns whether the watch goes on.
func (m *model) state() string {
	switch {
	case m.ended && m.cfg.EndText != nil:
		return m.theme.fair.Render(m.cfg.EndText())
	case m.ended:
		return m.theme.fair.Render("ended")
	case m.paused:
		return m.theme.fair.Render("paused")
	}
	return m.theme.good.Render("live")
}

// tabs returns the line of targets. The one that is shown is always on it.
func (m *model) tabs(b *board.Board) string {
	var parts []string
	width, first := 0, 0
	for i, t := range b.Targets {
		name := t.Name
		if name == "" || m.numeric {
			name = t.Addr.String()
		}
		style := m.theme.tab
		if i == m.tab {
			style = m.theme.tabNow
		}
		sign := m.sign(t)
		part := style.Render(fmt.Sprintf(" %d %s %s", i+1, m.cut(name, 24), sign) + " ")
		parts = append(parts, part)
		width += lipgloss.Width(part)
		for i <= m.tab && width > m.width && first < i {
			width -= lipgloss.Width(parts[first])
			first++
		}
	}
	return strings.Join(parts[first:], "")
}

// sign returns the state of a target in one character.
func (m *model) sign(t *board.Target) string {
	e := board.EndingOf(t.Flows[0])
	good, bad := "✓", "✗"
	if m.cfg.Look.ASCII {
		good, bad = "+", "x"
	}
	switch {
	case e.Reason == board.Waiting:
		return "?"
	case e.Reason == board.Reached && e.Loss == 0:
		return good
	case e.Reason == board.Reached:
		return fmt.Sprintf("%.0f%%", 100*e.Loss)
	}
	return bad
}

// footer returns the lines below the table: changes, the end of the path, keys.
func (m *model) footer(t *board.Target) (lines []string) {
	l := m.look()
	if n := min(m.changesShown(), len(t.Changes)); n > 0 {
		for i := range n {
			text := table.ChangeText(&t.Changes[len(t.Changes)-n+i], l)
			lines = append(lines, m.theme.mark.Render(m.cut(text, m.width)))
		}
	}
	lines = append(lines, m.verdict(t, l))
	if m.height >= 8 {
		lines = append(lines, m.keyLine())
	}
	return lines
}

// changesShown returns how many of the latest changes have room below the table.
func (m *model) changesShown() int {
	switch {
	case m.height >= 40:
		return 10
	case m.height >= 20:
		return 3
	case m.height >= 12:
		return 1
	}
	return 0
}

// verdict returns the line about the end of the path.
func (m *model) verdict(t *board.Target, l *table.Look) string {
	p := t.Flows[max(m.flow, 0)]
	e := board.EndingOf(p)
	style := m.theme.bad
	switch {
	case e.Reason == board.Waiting:
		style = m.theme.dim
	case e.Reason == board.Reached && e.Loss == 0:
		style = m.theme.good
	case e.Reason == board.Reached:
		style = m.theme.fair
	}
	text := table.EndingText(p, l)
	switch t.Changed {
	case 0:
	case 1:
		text += ", 1 change of the path"
	default:
		text += fmt.Sprintf(", %d changes of the path", t.Changed)
	}
	return style.Render(m.cut(text, m.width))
}

// keyLine returns the line of the most important keys.
func (m *model) keyLine() string {
	keys := [][2]string{{"?", "help"}, {"q", "quit"}, {"p", "pause"}, {"r", "reset"}, {"s", "sort"}, {"Enter", "details"}, {"n", "names"}, {"d", "history"}, {"c", "changes"}}
	if m.targets > 1 {
		keys = append(keys[:2:2], append([][2]string{{"Tab", "target"}}, keys[2:]...)...)
		if m.mostPanes() > 1 {
			keys = append(keys, [2]string{"v", "one or several"})
		}
	}
	line := ""
	for _, k := range keys {
		next := m.theme.key.Render(k[0]) + m.theme.dim.Render(" "+k[1])
		if lipgloss.Width(line)+2+lipgloss.Width(next) > m.width {
			break
		}
		if line != "" {
			line += "  "
		}
		line += next
	}
	return line
}

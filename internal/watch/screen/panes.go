package screen

import (
	"strings"

	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/watch/table"
)

// Several targets stand side by side where the terminal has room for a table of each: leastPane columns,
// and leastPaneHeight lines.
const (
	leastPane       = 78
	leastPaneHeight = 10
	gap             = 3 // columns between two panes
)

// panes returns how many targets are shown side by side.
func (m *model) panes() int {
	if m.single {
		return 1
	}
	return m.mostPanes()
}

// mostPanes returns how many targets have room side by side.
func (m *model) mostPanes() int {
	if m.height < leastPaneHeight {
		return 1
	}
	return max(min(m.targets, (m.width+gap)/(leastPane+gap)), 1)
}

// sideBySide returns the page with the hops of n targets, the chosen one among them.
func (m *model) sideBySide(b *board.Board, n int) []string {
	first := min(m.tab/n*n, len(b.Targets)-n)
	head := []string{m.commonTitle(b)}
	if len(b.Targets) > n {
		head = append(head, m.tabs(b))
	}
	head = append(head, "")
	height := m.height - len(head) - 1
	width := (m.width - (n-1)*gap) / n
	columns := make([][]string, n)
	for i := range columns {
		columns[i] = m.pane(b.Targets[first+i], first+i == m.tab, width, height)
	}
	between := m.theme.dim.Render(" │ ")
	if m.cfg.Look.ASCII {
		between = m.theme.dim.Render(" | ")
	}
	lines := head
	for y := range height {
		var parts []string
		for _, c := range columns {
			parts = append(parts, m.pad(c[y], width, true))
		}
		lines = append(lines, strings.Join(parts, between))
	}
	return append(lines, m.keyLine())
}

// commonTitle returns the first line above several targets.
func (m *model) commonTitle(b *board.Board) string {
	return m.spread(m.theme.title.Render("masstrace"), m.progress(b))
}

// pane returns the lines of one target: its name, its rows, its latest changes, and the end of its path. The
// chosen one has the selected row.
func (m *model) pane(t *board.Target, chosen bool, width, height int) []string {
	p := *m
	p.width = width
	if !chosen {
		p.row, p.top = -1, 0
	}
	style := m.theme.tab
	if chosen {
		style = m.theme.tabNow
	}
	lines := []string{style.Render(" " + p.cut(p.nameOf(t), width-2) + " ")}
	var foot []string
	look := p.look()
	if n := min(p.changesShown(), len(t.Changes)); n > 0 {
		for i := range n {
			foot = append(foot, p.theme.mark.Render(p.cut(table.ChangeText(&t.Changes[len(t.Changes)-n+i], look), width)))
		}
	}
	foot = append(foot, p.verdict(t, look))
	lines = append(lines, p.grid(t, height-len(lines)-len(foot))...)
	if chosen {
		m.row, m.top, m.rows = p.row, p.top, p.rows
	}
	for len(lines) < height-len(foot) {
		lines = append(lines, "")
	}
	return append(lines, foot...)
}

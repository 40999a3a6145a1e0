package screen

import (
	tea "charm.land/bubbletea/v2"
)

// keyHelp are the keys for the page of help.
var keyHelp = [][2]string{
	{"?, h", "this help"},
	{"q, Esc", "leave a page, then the program"},
	{"p, Space", "pause, and go on"},
	{"r", "reset the statistics"},
	{"Tab, 1 to 9", "next target, or a target by number"},
	{"v", "several targets side by side, or one"},
	{"Up, Down", "select a hop"},
	{"Enter", "details of the hop: addresses, extensions, RTTs"},
	{"s, S", "sort by the next column, or by TTL"},
	{"n", "names or addresses"},
	{"d", "wide history, or all columns"},
	{"f", "next flow, or all flows"},
	{"c", "changes of the path"},
}

// key handles a key.
func (m *model) key(key string) tea.Cmd {
	switch key {
	case "ctrl+c":
		return tea.Quit
	case "ctrl+z":
		return tea.Suspend
	case "q", "esc":
		if m.page == pageTable {
			return tea.Quit
		}
		m.turn(pageTable)
	case "?", "h":
		m.turn(pageHelp)
	case "enter":
		m.turn(pageDetails)
	case "c", "l":
		m.turn(pageChanges)
	case "p", "space", " ":
		m.paused = !m.paused
		m.cfg.Source.Pause(m.paused)
	case "r":
		m.cfg.Source.Reset()
	case "n":
		m.numeric = !m.numeric
	case "d":
		m.wide = !m.wide
	case "v":
		m.single = !m.single
	case "s":
		m.sort = m.nextSort()
	case "S":
		m.sort = ""
	case "f":
		if m.flow++; m.flow >= m.flows {
			m.flow = -1
		}
	default:
		m.move(key)
	}
	return nil
}

// turn goes to a page, or back from it to the table.
func (m *model) turn(to page) {
	if m.page == to {
		to = pageTable
	}
	m.page, m.scroll = to, 0
}

// move handles the keys that move.
func (m *model) move(key string) {
	step := 0
	switch key {
	case "tab", "right":
		m.show((m.tab + 1) % m.targets)
	case "shift+tab", "left":
		m.show((m.tab + m.targets - 1) % m.targets)
	case "up", "k":
		step = -1
	case "down", "j":
		step = 1
	case "pgup":
		step = -max(m.height-8, 1)
	case "pgdown":
		step = max(m.height-8, 1)
	case "home":
		step = -1 << 16
	case "end":
		step = 1 << 16
	default:
		if len(key) == 1 && key[0] >= '1' && key[0] <= '9' && int(key[0]-'1') < m.targets {
			m.show(int(key[0] - '1'))
		}
	}
	if m.page != pageTable && m.page != pageDetails {
		m.scroll = max(m.scroll+step, 0)
		return
	}
	m.row = min(max(m.row+step, 0), max(m.rows-1, 0))
}

// show goes to a target.
func (m *model) show(target int) {
	if target != m.tab {
		m.tab, m.row, m.top, m.scroll = target, 0, 0, 0
	}
}

// nextSort returns the column to sort by after the present one; "" is by TTL.
func (m *model) nextSort() string {
	found := m.sort == ""
	for _, c := range m.cfg.Columns {
		switch {
		case c.Value == nil:
		case found:
			return c.Name
		case c.Name == m.sort:
			found = true
		}
	}
	return ""
}

package screen

import (
	"charm.land/lipgloss/v2"
)

// theme has the styles for a dark or a light terminal. Without colours, by NO_COLOR or by TERM,
// bold and reverse remain. No meaning depends on a colour alone.
type theme struct {
	title, head, dim, key, chosen, tab, tabNow lipgloss.Style
	good, fair, bad, mark                      lipgloss.Style
}

func newTheme(dark bool) theme {
	pick := lipgloss.LightDark(dark)
	colour := func(light, dark string) lipgloss.Style {
		return lipgloss.NewStyle().Foreground(pick(lipgloss.Color(light), lipgloss.Color(dark)))
	}
	return theme{
		title:  colour("25", "81").Bold(true),
		head:   colour("240", "250").Bold(true),
		dim:    colour("244", "243"),
		key:    colour("25", "81").Bold(true),
		chosen: lipgloss.NewStyle().Reverse(true),
		tab:    colour("240", "247"),
		tabNow: colour("25", "81").Bold(true).Reverse(true),
		good:   colour("28", "78"),
		fair:   colour("130", "221"),
		bad:    colour("160", "203").Bold(true),
		mark:   colour("91", "183"),
	}
}

package progress

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"charm.land/lipgloss/v2"
)

// bar returns a bar of a width.
func (l *Layout) bar(share float64, width int) string {
	if share = min(max(share, 0), 1); math.IsNaN(share) {
		share = 0
	}
	if !l.Unicode {
		full := int(share * float64(width-2))
		return "[" + strings.Repeat("#", full) + strings.Repeat("-", width-2-full) + "]"
	}
	halves := int(share * float64(2*width))
	full := strings.Repeat("━", halves/2)
	if halves%2 == 1 {
		full += "╸"
	}
	return l.style(done).Render(full) + l.style(dim).Render(strings.Repeat("─", width-(halves+1)/2))
}

// steps are the heights of a trend.
var steps = []rune("▁▂▃▄▅▆▇█")

// trend returns the last values as columns.
func trend(values []float64, width int) string {
	var b strings.Builder
	for _, v := range values[max(len(values)-width, 0):] {
		b.WriteRune(steps[int(min(max(v, 0), 1)*float64(len(steps)-1)+0.5)])
	}
	return b.String()
}

// Shade is how a part of a whole is drawn.
type Shade int

// The shades.
const (
	Good Shade = iota
	Fair
	Poor
	Other
	numShades
)

// shades are the marks of the shades, and their colours in the palette of 16.
var shades = [numShades]struct{ unicode, ascii, colour string }{
	Good: {"█", "#", "2"}, Fair: {"▓", "=", "3"}, Poor: {"▒", "+", "4"}, Other: {"░", "-", "5"},
}

func (l *Layout) shade(i Shade) (string, lipgloss.Style) {
	s, style := shades[i], lipgloss.NewStyle()
	if l.Colour {
		style = style.Foreground(lipgloss.Color(s.colour))
	}
	if l.Unicode {
		return s.unicode, style
	}
	return s.ascii, style
}

// parts returns the shares of the parts in words, as many as fit the width, and a bar of all parts. A
// part that is not 0 has one character at least.
func (l *Layout) parts(parts []Part, width int) (legend, bar string) {
	parts = slices.DeleteFunc(slices.Clone(parts), func(p Part) bool { return p.N == 0 })
	all := 0.0
	for _, p := range parts {
		all += float64(p.N)
	}
	used, cells, before := 0, 0, 0.0
	for i, p := range parts {
		mark, style := l.shade(p.Shade)
		text := fmt.Sprintf(" %s %s", p.Name, percent(float64(p.N)/all))
		if i > 0 {
			used += len(gap)
		}
		if used += 1 + len(text); used <= width {
			if i > 0 {
				legend += gap
			}
			legend += style.Render(mark) + text
		}
		before += float64(p.N)
		end := max(int(math.Round(before/all*float64(width))), cells+1)
		end = max(min(end, width-(len(parts)-1-i)), cells) // the later parts need room, too
		bar += style.Render(strings.Repeat(mark, end-cells))
		cells = end
	}
	return legend, bar
}

// percent writes a share with one decimal.
func percent(share float64) string {
	switch p := 100 * share; {
	case p > 0 && p < 0.1:
		return "< 0.1 %"
	case p < 100:
		return fmt.Sprintf("%.1f %%", p)
	default:
		return "100 %"
	}
}

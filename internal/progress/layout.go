// Package progress shows on a terminal how far a command has come: a block of lines with a bar, counts
// with their trends, and the parts of a whole. The lines fit terminals of any size.
//
// Lipgloss has the styles, and package ansi the control sequences. Colours are those of the palette of
// the terminal, so that they suit light and dark ones. No meaning depends on a colour alone.
package progress

import (
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// State is the progress of some work.
type State struct {
	Work    string // a word for it
	Elapsed time.Duration
	Share   float64 // of the work that is done, 0 to 1; negative if it is not known
	End     string  // words about the end, "" for none
	Facts   []Fact
	Whole   Fact // the whole of Parts
	Parts   []Part
}

// Fact is a row of the display: a name, a number and words about it.
type Fact struct {
	Name  string
	Value string
	Words string
	Short string    // in place of Words on a narrow terminal
	Trend []float64 // of the last seconds, 0 to 1 each; the latest is last
	Alarm bool      // a user should do something about it
	Rank  int       // rows with the highest ranks are left out first; see Layout.Lines
}

// Part is a part of a whole.
type Part struct {
	Name  string
	Shade Shade
	N     uint64
}

// Layout is how a terminal is used.
type Layout struct {
	Unicode bool // it shows characters beyond ASCII
	Colour  bool
}

// Sizes of a layout, in characters.
const (
	leastBar  = 8
	leastStep = 8  // of a trend
	mostTrend = 60 // seconds
	mostBar   = 100
	unknown   = 80 // columns of a terminal of unknown width
)

// Lines returns the lines of a state for a terminal of a size; 0 is an unknown size. All lines are
// narrower than the terminal, and two of its rows stay free, for the text before. One line is the
// least.
func (l *Layout) Lines(s *State, columns, rows int) []string {
	if columns <= 0 {
		columns = unknown
	}
	most := len(s.Facts) + 3
	if rows > 0 {
		most = max(rows-2, 1)
	}
	width := max(columns-1, 1)
	lines := append([]string{l.head(s, width)}, l.body(s, width, most-1)...)
	for i := range lines {
		lines[i] = ansi.Truncate(lines[i], width, "")
	}
	return lines
}

// head returns the line with the bar. Parts are left out until the bar has room.
func (l *Layout) head(s *State, width int) string {
	elapsed := s.Elapsed.Round(time.Second).String()
	name := l.style(bold).Render(s.Work)
	if s.Share < 0 {
		return join(name, elapsed, s.End)
	}
	share := fmt.Sprintf("%5.1f %%", 100*s.Share)
	for _, right := range [][]string{{share, elapsed, s.End}, {share, s.End}, {strings.TrimSpace(share), s.End}} {
		text := join(right...)
		room := width - ansi.StringWidth(name) - ansi.StringWidth(text) - 2*len(gap)
		if room >= leastBar {
			return name + gap + l.bar(s.Share, min(room, mostBar)) + gap + text
		}
	}
	share = strings.TrimSpace(share)
	if room := width - len(share) - len(gap); room >= leastBar && len(share)+len(gap)+len(s.End) > width {
		return l.bar(s.Share, room) + gap + share
	}
	return join(share, s.End)
}

const gap = "  "

// join joins the texts that are not empty.
func join(texts ...string) string {
	var list []string
	for _, text := range texts {
		if text != "" {
			list = append(list, text)
		}
	}
	return strings.Join(list, gap)
}

// body returns at most so many rows: facts, and the parts of the whole.
func (l *Layout) body(s *State, width, most int) []string {
	facts := s.Facts
	if len(s.Parts) > 0 {
		facts = append(facts[:len(facts):len(facts)], s.Whole)
	}
	shown := ranked(facts, most)
	names, values, words := 0, 0, 0
	for _, f := range shown {
		names, values = max(names, len(f.Name)), max(values, len(f.Value))
	}
	left := len(gap) + names + len(gap) + values + len(gap)
	for _, f := range shown {
		words = max(words, len(f.words(width-left)))
	}
	var lines []string
	for _, f := range shown {
		value := strings.Repeat(" ", values-len(f.Value)) + f.Value
		style := l.style(bold)
		if f.Alarm {
			style = l.style(alarm)
		}
		line := gap + strings.Repeat(" ", names-len(f.Name)) + l.style(dim).Render(f.Name) + gap + style.Render(value) + gap
		if f.Name == s.Whole.Name {
			legend, bar := l.parts(s.Parts, width-left)
			lines = append(lines, line+legend)
			if len(shown) == len(facts) && len(shown) < most {
				lines = append(lines, strings.Repeat(" ", left)+bar)
			}
			continue
		}
		text := f.words(width - left)
		line += text
		if room := width - left - words - len(gap); len(f.Trend) > 0 && room >= leastStep && l.Unicode {
			style := l.style(calm)
			if f.Alarm {
				style = l.style(alarm)
			}
			line += strings.Repeat(" ", words-len(text)) + gap + style.Render(trend(f.Trend, min(room, mostTrend)))
		}
		lines = append(lines, line)
	}
	return lines
}

// words returns the words of a fact that fit a width.
func (f *Fact) words(width int) string {
	switch {
	case len(f.Words) <= width:
		return f.Words
	case len(f.Short) <= width:
		return f.Short
	}
	return ""
}

// ranked returns at most so many facts, those with the lowest ranks, in their order.
func ranked(facts []Fact, most int) []Fact {
	for len(facts) > most && len(facts) > 0 {
		worst := 0
		for i := range facts {
			if facts[i].Rank >= facts[worst].Rank {
				worst = i
			}
		}
		facts = append(facts[:worst:worst], facts[worst+1:]...)
	}
	return facts
}

// tone is the kind of a text.
type tone int

const (
	bold tone = iota
	dim
	calm
	done
	alarm
	numTones
)

// tones are the numbers of the colours in the palette of 16: blue, cyan, green, red and so on.
var tones = [numTones]string{bold: "", dim: "8", calm: "6", done: "2", alarm: "1"}

func (l *Layout) style(t tone) lipgloss.Style {
	style := lipgloss.NewStyle()
	if t == bold || t == alarm {
		style = style.Bold(true)
	}
	if l.Colour && tones[t] != "" {
		style = style.Foreground(lipgloss.Color(tones[t]))
	}
	return style
}

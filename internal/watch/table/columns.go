package table

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/watch/board"
)

// Column is a column of statistics.
type Column struct {
	Name, Title string
	Width       int
	Meaning     string
	// Value returns the number of a row, for sorting; nil if it has none.
	Value func(r *Row) float64
	text  func(r *Row, l *Look) string
}

// columns are all columns but that of the host.
var columns = []Column{
	counting("loss", "Loss%", 6, "share of probes without an answer", func(h *board.Hop) float64 { return 100 * h.Loss() }, 1),
	counting("drop", "Drop", 5, "probes without an answer", func(h *board.Hop) float64 { return float64(h.Sent - h.Received) }, 0),
	counting("recv", "Rcv", 5, "answers", func(h *board.Hop) float64 { return float64(h.Received) }, 0),
	counting("sent", "Sent", 5, "probes that were answered or count as silent", func(h *board.Hop) float64 { return float64(h.Sent) }, 0),
	counting("late", "Late", 5, "answers after the wait", func(h *board.Hop) float64 { return float64(h.Late) }, 0),
	timing("last", "Last", "last RTT", func(h *board.Hop) time.Duration { return h.Last }),
	timing("avg", "Avg", "mean RTT", (*board.Hop).Mean),
	timing("best", "Best", "shortest RTT", func(h *board.Hop) time.Duration { return h.Best }),
	timing("worst", "Worst", "longest RTT", func(h *board.Hop) time.Duration { return h.Worst }),
	timing("stdev", "StDev", "standard deviation of the RTT", (*board.Hop).Deviation),
	timing("jitter", "Jitter", "mean difference of successive RTTs", func(h *board.Hop) time.Duration { return h.MeanJitter }),
	timing("jlast", "JLast", "last difference of successive RTTs", func(h *board.Hop) time.Duration { return h.Jitter }),
	timing("jmax", "JMax", "largest difference of successive RTTs", func(h *board.Hop) time.Duration { return h.WorstJitter }),
	timing("jint", "JInt", "smoothed jitter of RFC 3550", func(h *board.Hop) time.Duration { return h.SmoothJitter }),
	percentile(50), percentile(90), percentile(95), percentile(99),
	{Name: "as", Title: "AS", Width: 20, Meaning: "autonomous system, of the databases", text: func(r *Row, l *Look) string {
		if l.Label == nil || !r.Hop.Addr().IsValid() {
			return ""
		}
		return l.Label(r.Hop.Addr())
	}},
	{Name: "marks", Title: "Notes", Width: 12, Meaning: "notes: limit, nat, mpls, unreachable", text: func(r *Row, l *Look) string { return l.ShortMarks(r) }},
	{Name: "history", Title: "History", Width: 20, Meaning: "the latest RTTs", text: func(r *Row, l *Look) string { return l.Spark(r.Hop, 20) }},
}

// DefaultColumns are the columns of a report: those of mtr.
const DefaultColumns = "loss,sent,last,avg,best,worst,stdev"

// counting returns a column of numbers.
func counting(name, title string, width int, meaning string, of func(*board.Hop) float64, digits int) Column {
	return Column{
		Name: name, Title: title, Width: width, Meaning: meaning,
		Value: func(r *Row) float64 { return of(r.Hop) },
		text: func(r *Row, _ *Look) string {
			if name == "loss" && (r.Hop.Sent == 0 || r.Loss.Kind == board.SilentHop) {
				return "-" // later hops answer: nothing was lost
			}
			return strconv.FormatFloat(of(r.Hop), 'f', digits, 64)
		},
	}
}

// timing returns a column of times.
func timing(name, title, meaning string, of func(*board.Hop) time.Duration) Column {
	return Column{
		Name: name, Title: title, Width: 6, Meaning: meaning + ", ms",
		Value: func(r *Row) float64 {
			if r.Hop.Received == 0 {
				return -1
			}
			return float64(of(r.Hop))
		},
		text: func(r *Row, _ *Look) string {
			if r.Hop.Received == 0 {
				return "-"
			}
			return Millis(of(r.Hop))
		},
	}
}

// percentile returns the column of a percentile.
func percentile(p int) Column {
	return timing(fmt.Sprintf("p%d", p), fmt.Sprintf("P%d", p), fmt.Sprintf("%d %% of the RTTs are not longer", p),
		func(h *board.Hop) time.Duration { return h.Percentile(float64(p)) })
}

// Millis returns a time in milliseconds, with as many digits as are of use.
func Millis(d time.Duration) string {
	ms := float64(d) / 1e6
	switch {
	case ms < 10:
		return strconv.FormatFloat(ms, 'f', 2, 64)
	case ms < 1000:
		return strconv.FormatFloat(ms, 'f', 1, 64)
	}
	return strconv.FormatFloat(ms, 'f', 0, 64)
}

// Text returns the text of a row in a column.
func (c *Column) Text(r *Row, l *Look) string {
	if r.Hop == nil {
		return ""
	}
	return c.text(r, l)
}

// Left reports whether the texts of a column begin at its left edge.
func (c *Column) Left() bool { return c.Value == nil }

// All returns the names and meanings of all columns.
func All() []Column { return slices.Clone(columns) }

// Parse returns the columns of a list of names, separated by commas.
func Parse(list string) ([]Column, error) {
	var chosen []Column
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(columns, func(c Column) bool { return c.Name == strings.ToLower(strings.TrimSpace(name)) })
		if i < 0 {
			var names []string
			for _, c := range columns {
				names = append(names, c.Name)
			}
			return nil, fmt.Errorf("there is no column %q; the columns are %s", strings.TrimSpace(name), strings.Join(names, ", "))
		}
		chosen = append(chosen, columns[i])
	}
	return chosen, nil
}

// Sparks of the history: a level of a time within the range of the hop, and of silence.
var (
	levels      = []rune("▁▂▃▄▅▆▇█")
	asciiLevels = []rune("_.-:=+*#")
)

// Spark returns the history of a hop in n characters, the latest on the right. A time is a level
// between the shortest and the longest time of the hop, on a logarithmic scale. Silence is ×, and a
// probe that was not sent is a space.
func (l *Look) Spark(h *board.Hop, n int) string {
	set, lost := levels, '×'
	if l.ASCII {
		set, lost = asciiLevels, 'x'
	}
	low, high := math.Log(max(float64(h.Best), 1e3)), math.Log(max(float64(h.Worst), 1e3))
	high = max(high, low+0.7) // a range of two at least, so that noise looks like noise
	var b strings.Builder
	for _, d := range h.History(n) {
		switch {
		case d == board.Lost:
			b.WriteRune(lost)
		case d < 0:
			b.WriteByte(' ')
		default:
			at := (math.Log(max(float64(d), 1e3)) - low) / (high - low) * float64(len(set)-1)
			b.WriteRune(set[min(max(int(math.Round(at)), 0), len(set)-1)])
		}
	}
	return b.String()
}

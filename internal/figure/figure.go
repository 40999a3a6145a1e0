// Package figure counts the traces of results by TTL, length and round-trip time, and draws the
// counts for papers. Its memory does not grow with the results.
package figure

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/record"
)

// Figure is a kind of figure.
type Figure struct {
	Name    string
	Meaning string
	X, Y    string // axes
	rows    func(*Counts) [][]float64
	// columns are the names of the columns of rows. The first one is x.
	columns []string
	bars    bool
}

// Figures are the kinds of figures, in the order of the help.
var Figures = []Figure{
	{"rtt-by-ttl", "round-trip times at each TTL: the median, and the range of the middle half", "TTL", "round-trip time (ms)", (*Counts).rttByTTL,
		[]string{"ttl", "p25_ms", "median_ms", "p75_ms"}, false},
	{"hops", "reached targets by the length of their path", "hops to the target", "traces", (*Counts).lengths, []string{"hops", "traces"}, true},
	{"loss", "share of the probes without an answer at each TTL, up to the end of each trace", "TTL", "silent probes (%)", (*Counts).loss,
		[]string{"ttl", "silent_percent"}, false},
	{"reach", "share of the traces that have reached their target by each TTL", "TTL", "traces that reached the target (%)", (*Counts).reach,
		[]string{"ttl", "reached_percent"}, false},
	{"rtt", "cumulative distribution of the round-trip times of targets", "round-trip time of the target (ms)", "targets (%)", (*Counts).rtts,
		[]string{"rtt_ms", "percent"}, false},
	{"interfaces", "hops that routers answered at each TTL", "TTL", "answers of routers", (*Counts).routers, []string{"ttl", "answers"}, true},
}

// Names returns the names of the figures.
func Names() (names []string) {
	for _, f := range Figures {
		names = append(names, f.Name)
	}
	return names
}

// Find returns the figure with a name.
func Find(name string) (*Figure, error) {
	i := slices.IndexFunc(Figures, func(f Figure) bool { return f.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("unknown figure %q", name)
	}
	return &Figures[i], nil
}

const (
	ttls = 256
	// A class of round-trip times is 1 % wide, from 1 µs to above one minute.
	classes    = 1850
	classRatio = 1.01
)

// Counts are the counts of traces that the figures need. They are used by one goroutine at a
// time.
type Counts struct {
	traces, reached  int
	length           [ttls]int
	answered, silent [ttls]int
	router           [ttls]int
	rtt              [ttls][classes]uint32
	target           [classes]uint32
	targets          int
}

// Add counts a trace; it ignores other records.
func (c *Counts) Add(r record.Record) {
	t, ok := r.(*record.Trace)
	if !ok {
		return
	}
	c.traces++
	if t.StopReason == record.StopCompleted {
		c.reached++
		c.length[t.End]++
	}
	last := -1
	for i := range t.Hops {
		h := &t.Hops[i]
		if c.answered[h.TTL]++; h.Responder != t.Target {
			c.router[h.TTL]++
		}
		if h.HasRTT() && h.RTT > 0 {
			class := classOf(h.RTT)
			c.rtt[h.TTL][class]++
			if h.Responder == t.Target {
				last = class
			}
		}
	}
	if last >= 0 {
		c.target[last]++
		c.targets++
	}
	for _, s := range t.Silent {
		if t.End == 0 || s.TTL <= t.End {
			c.silent[s.TTL]++
		}
	}
}

// classOf returns the class of a round-trip time in ns.
func classOf(ns int64) int {
	return min(max(int(math.Log(float64(ns)/float64(time.Microsecond))/math.Log(classRatio)), 0), classes-1)
}

// millis returns the middle of a class in ms.
func millis(class int) float64 { return math.Pow(classRatio, float64(class)+0.5) / 1000 }

func (c *Counts) rttByTTL() (rows [][]float64) {
	for ttl := range c.rtt {
		all := 0
		for _, n := range c.rtt[ttl] {
			all += int(n)
		}
		if all > 0 {
			at := func(share float64) float64 { return quantile(&c.rtt[ttl], all, share) }
			rows = append(rows, []float64{float64(ttl), at(0.25), at(0.5), at(0.75)})
		}
	}
	return rows
}

// quantile returns the time in ms that a share of all times does not exceed.
func quantile(of *[classes]uint32, all int, share float64) float64 {
	below := 0
	for class, n := range of {
		if below += int(n); float64(below) >= share*float64(all) {
			return millis(class)
		}
	}
	return millis(classes - 1)
}

func (c *Counts) lengths() [][]float64 { return filled(&c.length) }
func (c *Counts) routers() [][]float64 { return filled(&c.router) }

// filled returns a row for each TTL from the first to the last one that is not 0.
func filled(of *[ttls]int) (rows [][]float64) {
	first := slices.IndexFunc(of[:], func(n int) bool { return n > 0 })
	for ttl := max(first, 0); ttl < ttls && first >= 0; ttl++ {
		rows = append(rows, []float64{float64(ttl), float64(of[ttl])})
	}
	for len(rows) > 0 && rows[len(rows)-1][1] == 0 {
		rows = rows[:len(rows)-1]
	}
	return rows
}

func (c *Counts) loss() (rows [][]float64) {
	for ttl := range c.silent {
		if all := c.silent[ttl] + c.answered[ttl]; all > 0 {
			rows = append(rows, []float64{float64(ttl), percent(c.silent[ttl], all)})
		}
	}
	return rows
}

func (c *Counts) reach() (rows [][]float64) {
	below := 0
	for _, row := range filled(&c.length) {
		below += int(row[1])
		rows = append(rows, []float64{row[0], percent(below, c.traces)})
	}
	return rows
}

func (c *Counts) rtts() (rows [][]float64) {
	below := 0
	for class, n := range c.target {
		if n > 0 {
			below += int(n)
			rows = append(rows, []float64{millis(class), percent(below, c.targets)})
		}
	}
	return rows
}

func percent(n, of int) float64 { return 100 * float64(n) / float64(of) }

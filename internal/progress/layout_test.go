package progress

import (
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/record"
)

// sample returns the state of a scan after some seconds.
func sample(drops uint64) *State {
	var h History
	var s *State
	ends := []Part{{"reached", Good, 281}, {"gap limit", Fair, 679}, {"unreachable", Poor, 39}, {"loop", Other, 1}}
	for i := range uint64(12) {
		p := observe.Progress{
			Elapsed: time.Duration(i+1) * time.Second, Left: (20 - time.Duration(i)) * time.Second, Share: float64(i+1) / 32,
			Sent: 10_000 * (i + 1), RatePPS: 10_000, AskedPPS: 10_000, Answered: 6_500 * (i + 1), Drops: drops * i,
		}
		s = h.Add("scan", &p, ends)
	}
	return s
}

func TestLayout(t *testing.T) {
	for _, tt := range []struct {
		name          string
		columns, rows int
		unicode       bool
		state         *State
		want          string
	}{
		{name: "80 x 24", columns: 80, rows: 24, unicode: true, state: sample(0), want: `
scan  ━━━━━━━━━━━━━━━━━━━────────────────────────────────   37.5 %  12s  ETA 9s
     sent  120,000  10,000/s of 10,000/s  ████████████
  replies   78,000  65.0 % of the probes  ▆▆▆▆▆▆▆▆▆▆▆▆
    drops        0  by this machine
   traces    1,000  █ reached 28.1 %  ▓ gap limit 67.9 %  ▒ unreachable 3.9 %
                    █████████████████▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▒░
`},
		{name: "no Unicode", columns: 60, rows: 24, state: sample(0), want: `
scan  [##########-------------------]   37.5 %  12s  ETA 9s
     sent  120,000  10,000/s of 10,000/s
  replies   78,000  65.0 % of the probes
    drops        0  by this machine
   traces    1,000  # reached 28.1 %  = gap limit 67.9 %
                    ###########==========================+-
`},
		{name: "drops", columns: 80, rows: 7, unicode: true, state: sample(900), want: `
scan  ━━━━━━━━━━━━━━━━━━━────────────────────────────────   37.5 %  12s  ETA 9s
     sent  120,000  10,000/s of 10,000/s             ████████████
  replies   78,000  65.0 % of the probes             ▆▆▆▆▆▆▆▆▆▆▆▆
    drops    9,900  by this machine: it is too slow  ▁▂▂▂▂▂▂▂▂▂▂▂
   traces    1,000  █ reached 28.1 %  ▓ gap limit 67.9 %  ▒ unreachable 3.9 %
`},
		{name: "20 x 5", columns: 20, rows: 5, unicode: true, state: sample(0), want: `
37.5 %  ETA 9s
     sent  120,000
  replies   78,000
`},
		{name: "10 x 2", columns: 10, rows: 2, unicode: true, state: sample(0), want: `
37.5 %  E
`},
		{name: "unknown size", state: sample(0), want: `
scan  [##################-------------------------------]   37.5 %  12s  ETA 9s
     sent  120,000  10,000/s of 10,000/s
  replies   78,000  65.0 % of the probes
    drops        0  by this machine
   traces    1,000  # reached 28.1 %  = gap limit 67.9 %  + unreachable 3.9 %
                    #################========================================+-
`},
		{name: "no share", columns: 40, rows: 9, unicode: true, state: &State{Work: "report", Elapsed: 3 * time.Second, Share: -1}, want: `
report  3s
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := Layout{Unicode: tt.unicode}
			got := ansi.Strip("\n" + strings.Join(l.Lines(tt.state, tt.columns, tt.rows), "\n") + "\n")
			for line := range strings.Lines(tt.want) {
				if strings.HasSuffix(line, " \n") {
					t.Errorf("blanks at the end of %q", line)
				}
			}
			var trimmed strings.Builder
			for line := range strings.Lines(got) {
				trimmed.WriteString(strings.TrimRight(line, " \n") + "\n")
			}
			if trimmed.String() != tt.want {
				t.Errorf("got%s\nwant%s", trimmed.String(), tt.want)
			}
		})
	}
}

// Lines fit a terminal of any size, with any counts.
func TestLayoutFits(t *testing.T) {
	random := rand.New(rand.NewPCG(effort.Seed(t), 2))
	for range effort.Count(500, 50_000) {
		big := func() uint64 { return random.Uint64() >> random.IntN(64) }
		var h History
		var s *State
		for range 1 + random.IntN(100) {
			p := observe.Progress{
				Elapsed: time.Duration(big() >> 1), Left: time.Duration(big() >> 1), Waiting: random.IntN(2) == 0, Share: random.Float64(),
				Sent: big(), RatePPS: float64(big()), AskedPPS: float64(big()), Answered: big(), Drops: big(), Lasts: random.IntN(2) == 0, Changes: big(),
			}
			s = h.Add("follow", &p, []Part{{"reached", Good, big() >> 3}, {"gap limit", Fair, big() >> 3}, {"met another", Other, big() >> 3}})
		}
		if random.IntN(3) == 0 {
			w := Work{Name: "convert", Elapsed: time.Duration(big() >> 1), Done: int64(big() >> 1), Size: int64(big() >> 1), Records: big()}
			s = new(Reading).Add(&w)
		}
		columns, rows := random.IntN(220), random.IntN(60)
		l := Layout{Unicode: random.IntN(2) == 0, Colour: random.IntN(2) == 0}
		lines := l.Lines(s, columns, rows)
		if rows > 0 && len(lines) > max(rows-2, 1) || len(lines) == 0 {
			t.Fatalf("%d lines for %d rows", len(lines), rows)
		}
		for _, line := range lines {
			if n := ansi.StringWidth(line); columns > 0 && n > max(columns-1, 1) || strings.Contains(line, "\n") {
				t.Fatalf("%d columns for %d: %q", n, columns, line)
			}
		}
	}
}

// Colours are there if they are wanted, and never otherwise.
func TestLayoutColours(t *testing.T) {
	for _, colour := range []bool{false, true} {
		l := Layout{Unicode: true, Colour: colour}
		text := strings.Join(l.Lines(sample(5), 100, 30), "\n")
		if got := strings.Contains(text, "\x1b[32m"); got != colour {
			t.Errorf("colours wanted %v, got %v: %q", colour, got, text)
		}
	}
}

// A run that lasts shows the share of its first paths, and then none, and its changes.
func TestLasting(t *testing.T) {
	var h History
	for _, tt := range []struct {
		share, want float64
		end         string
	}{{0.5, 0.5, "first paths"}, {1, -1, "following"}} {
		s := h.Add("follow", &observe.Progress{Share: tt.share, Lasts: true, Changes: 1234}, nil)
		last := s.Facts[len(s.Facts)-1]
		if s.Share != tt.want || s.End != tt.end || last.Name != "changes" || last.Value != "1,234" {
			t.Errorf("%v: %+v", tt.share, s)
		}
	}
	if s := h.Add("scan", &observe.Progress{Waiting: true, Left: 1400 * time.Millisecond, Share: 1}, nil); s.End != "waiting 1s for replies" || s.Share != 1 {
		t.Errorf("%+v", s)
	}
}

func TestEnds(t *testing.T) {
	var none *Ends
	if none.Parts() != nil {
		t.Error("a nil Ends has parts")
	}
	e := new(Ends)
	var trace record.Trace
	for trace.StopReason = range record.StopError + 1 {
		for range int(trace.StopReason) + 1 {
			if err := e.Write(&trace); err != nil {
				t.Fatal(err)
			}
		}
	}
	trace.Reached = true
	for range 9 {
		_ = e.Write(&trace)
	}
	if err := e.Write(&record.Summary{Account: account.Account{}}); err != nil || e.Flush() != nil {
		t.Error(err)
	}
	got := map[string]uint64{}
	for _, p := range e.Parts() {
		got[p.Name] = p.N
	}
	want := map[string]uint64{"reached": 9, "completed": 2, "unreachable": 3, "gap limit": 4, "last TTL": 5, "loop": 6, "met another": 7, "halted": 8}
	for stop := record.StopCompleted; stop <= record.StopHalted; stop++ { // the numbers follow the order of the constants
		if name := nameOf(stop); got[name] != uint64(stop)+1 {
			t.Errorf("%v: %d, want %d", stop, got[name], stop+1)
		}
	}
	if len(got) != len(want) || got["reached"] != 9 {
		t.Errorf("%v", got)
	}
}

func nameOf(stop record.StopReason) string {
	for _, s := range stops {
		if s.reason == stop {
			return s.name
		}
	}
	return ""
}

// A scan draws its display once a second: it costs far below a thousandth of a core.
func BenchmarkLines(b *testing.B) {
	s, l := sample(5), Layout{Unicode: true, Colour: true}
	d := New(io.Discard)
	for b.Loop() {
		d.Show(l.Lines(s, 120, 40))
	}
}

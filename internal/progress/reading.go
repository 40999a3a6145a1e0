package progress

import (
	"fmt"
	"time"

	"github.com/masstrace/masstrace/internal/tabular"
)

// Reading is the progress of a command that reads files.
type Reading struct {
	lastAt   time.Duration
	lastDone int64
	most     float64   // octets per second
	speeds   []float64 // likewise, at each call of Add
}

// Work is how far a command has come with its files.
type Work struct {
	Name       string // of the command
	Elapsed    time.Duration
	Done, Size int64  // octets that were read, and of all; 0 if it is not known
	Records    uint64 // 0 if they are not counted
	Ends       []Part // of the traces so far, if they are counted
}

// Add returns the state to show.
func (r *Reading) Add(w *Work) *State {
	s := &State{Work: w.Name, Elapsed: w.Elapsed, Share: -1}
	if w.Size > 0 {
		s.Share = min(float64(w.Done)/float64(w.Size), 1)
	}
	if s.Share > 0 {
		s.End = fmt.Sprintf("ETA %s", time.Duration(float64(w.Elapsed)*(1-s.Share)/s.Share).Round(time.Second))
	}
	if took := (w.Elapsed - r.lastAt).Seconds(); took > 0 {
		speed := float64(max(w.Done-r.lastDone, 0)) / took
		r.lastAt, r.lastDone, r.most = w.Elapsed, w.Done, max(r.most, speed)
		r.speeds = keep(r.speeds, speed)
	}
	seconds := max(w.Elapsed.Seconds(), 1e-3)
	if w.Done > 0 {
		speed := megabytes(int64(float64(w.Done)/seconds)) + "/s"
		f := Fact{Name: "read", Value: megabytes(w.Done), Words: speed, Short: speed, Rank: 1}
		if w.Size > 0 {
			f.Words = "of " + megabytes(w.Size) + ", " + speed
		}
		for _, v := range r.speeds {
			f.Trend = append(f.Trend, v/max(r.most, 1))
		}
		s.Facts = append(s.Facts, f)
	}
	if w.Records > 0 {
		words := tabular.Count(uint64(float64(w.Records)/seconds)) + "/s"
		s.Facts = append(s.Facts, Fact{Name: "records", Value: tabular.Count(w.Records), Words: words, Short: words, Rank: 2})
	}
	s.whole(w.Ends)
	return s
}

// whole adds the ends of the traces so far.
func (s *State) whole(ends []Part) {
	var traces uint64
	for _, e := range ends {
		traces += e.N
	}
	if traces > 0 {
		s.Parts, s.Whole = ends, Fact{Name: "traces", Value: tabular.Count(traces), Rank: 3}
	}
}

// Line returns the state as one line of plain text, for a log.
func (s *State) Line() string {
	text := s.Elapsed.Round(time.Second).String()
	if s.Share >= 0 {
		text += fmt.Sprintf(" %5.1f%%", 100*s.Share)
	}
	for _, f := range s.Facts {
		text += fmt.Sprintf(" %s %s", f.Name, f.Value)
	}
	if s.End != "" {
		text += " " + s.End
	}
	return text
}

// megabytes writes a number of octets.
func megabytes(n int64) string {
	if n < 1e5 {
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// Package statusfile keeps the progress of a run in a file: a line each second, as CSV with a line
// of names or as NDJSON. The columns of both have the same names.
package statusfile

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
)

// Row is a line of a status file.
type Row struct {
	Time     string  `json:"time"` // RFC 3339, UTC
	ElapsedS float64 `json:"elapsed_s"`
	LeftS    float64 `json:"left_s"`
	Done     float64 `json:"done"` // share of the probes that were decided
	Sent     uint64  `json:"sent"` // probes
	RatePPS  float64 `json:"rate_pps"`
	AvgPPS   float64 `json:"avg_pps"` // since the begin
	Answered uint64  `json:"answered"`
	HitRate  float64 `json:"hit_rate"` // answered / sent
	Frames   uint64  `json:"frames"`   // received
	Strong   uint64  `json:"strong"`
	Weak     uint64  `json:"weak"`
	Dups     uint64  `json:"duplicates"`
	Late     uint64  `json:"late_replies"`
	Rejected uint64  `json:"rejected"`
	Drops    uint64  `json:"drops"` // frames that the kernel dropped
}

// columns are the names of the columns, in order.
var columns = []string{
	"time", "elapsed_s", "left_s", "done", "sent", "rate_pps", "avg_pps", "answered", "hit_rate",
	"frames", "strong", "weak", "duplicates", "late_replies", "rejected", "drops",
}

func (r *Row) cells() []string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	count := func(n uint64) string { return strconv.FormatUint(n, 10) }
	return []string{
		r.Time, number(r.ElapsedS), number(r.LeftS), number(r.Done), count(r.Sent), number(r.RatePPS), number(r.AvgPPS),
		count(r.Answered), number(r.HitRate), count(r.Frames), count(r.Strong), count(r.Weak), count(r.Dups),
		count(r.Late), count(r.Rejected), count(r.Drops),
	}
}

// File is an observer that writes a line for each Progress, and one at the end of the run. Any
// goroutine may call its methods.
type File struct {
	mu     sync.Mutex
	out    outfileWriter
	csv    *csv.Writer // nil for NDJSON
	failed func(error) // called once, with the first error of a write
	broken bool
	last   observe.Progress
	now    func() time.Time
}

type outfileWriter interface {
	io.WriteCloser
	Flush() error
}

// Create creates a status file: CSV if its name ends in .csv, before an ending of compression, else
// NDJSON. failed is called with the first error of a write. Later lines are then lost, and the run
// goes on.
func Create(path string, existing outfile.Existing, failed func(error)) (*File, error) {
	out, err := outfile.Open(path, nil, existing)
	if err != nil {
		return nil, err
	}
	return newFile(out, isCSV(path), failed, time.Now), nil
}

func newFile(out outfileWriter, asCSV bool, failed func(error), now func() time.Time) *File {
	f := &File{out: out, failed: failed, now: now}
	if asCSV {
		f.csv = csv.NewWriter(out)
		_ = f.csv.Write(columns) // Flush returns the error
	}
	return f
}

func isCSV(path string) bool {
	for _, packed := range []string{".gz", ".zst"} {
		path = strings.TrimSuffix(path, packed)
	}
	return strings.HasSuffix(path, ".csv")
}

// Event implements observe.Observer.
func (f *File) Event(event observe.Event) {
	end, ok := event.(observe.Finished)
	if !ok {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p, s := f.last, end.Summary
	p.Elapsed, p.Left, p.RatePPS = time.Duration(s.ElapsedS*float64(time.Second)), 0, 0
	p.Sent, p.Answered, p.Drops, p.Inbound = s.Sent, s.Answered, s.Drops.Kernel, s.Inbound
	if s.Complete {
		p.Share = 1
	}
	f.write(&p)
}

// Progress implements observe.Observer.
func (f *File) Progress(p observe.Progress) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = p
	f.write(&p)
}

// write writes a line at once, so that a reader of the growing file sees it.
func (f *File) write(p *observe.Progress) {
	if f.broken {
		return
	}
	row := rowOf(p, f.now())
	var err error
	if f.csv != nil {
		err = f.csv.Write(row.cells())
		f.csv.Flush()
		if err == nil {
			err = f.csv.Error()
		}
	} else {
		var line []byte
		if line, err = json.Marshal(row); err == nil {
			_, err = f.out.Write(append(line, '\n'))
		}
	}
	if err == nil {
		err = f.out.Flush()
	}
	if err != nil {
		f.broken = true
		f.failed(err)
	}
}

// Close closes the file. It may be nil.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.out.Close()
	if f.broken { // it was told
		return nil
	}
	f.broken = true
	return err
}

func rowOf(p *observe.Progress, now time.Time) *Row {
	in := &p.Inbound
	r := &Row{
		Time: now.UTC().Format("2006-01-02T15:04:05.000Z"), ElapsedS: round(p.Elapsed.Seconds(), 3), LeftS: round(p.Left.Seconds(), 3),
		Done: round(p.Share, 6), Sent: p.Sent, RatePPS: round(p.RatePPS, 3), Answered: p.Answered,
		Frames: in.Frames, Strong: in.Strong, Weak: in.Weak, Dups: in.Duplicates, Late: in.Late, Rejected: in.Rejected.Total(), Drops: p.Drops,
	}
	if s := p.Elapsed.Seconds(); s > 0 {
		r.AvgPPS = round(float64(p.Sent)/s, 3)
	}
	if p.Sent > 0 {
		r.HitRate = round(float64(p.Answered)/float64(p.Sent), 6)
	}
	return r
}

// round rounds a number to some decimals.
func round(v float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(v*scale) / scale
}

package figure

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// samples returns traces of 3 to 12 hops, with silent TTLs.
func samples() (list []*record.Trace) {
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 500 {
		target := probe.Addr4From([4]byte{192, 0, byte(i >> 8), byte(i)})
		t := &record.Trace{Head: record.Head{Target: target}, Result: record.Result{End: uint8(3 + r.IntN(10))}}
		for ttl := uint8(1); ttl <= t.End; ttl++ {
			if r.IntN(5) == 0 {
				t.Silent = append(t.Silent, record.TTLAttempt{TTL: ttl})
				continue
			}
			h := record.Hop{Sent: 1, RTT: r.Int64N(1e6) + int64(ttl)*1e6}
			h.TTL, h.Responder = ttl, probe.Addr4From([4]byte{10, 0, 0, ttl})
			if ttl == t.End {
				h.Responder, t.StopReason = target, record.StopCompleted
			}
			t.Hops = append(t.Hops, h)
		}
		t.Silent = append(t.Silent, record.TTLAttempt{TTL: 30}) // beyond the end
		list = append(list, t)
	}
	return list
}

// The rows are those of a slow count over all traces.
func TestRows(t *testing.T) {
	var c Counts
	list := samples()
	for _, one := range list {
		c.Add(one)
	}
	for ttl := uint8(1); ttl <= 12; ttl++ {
		var times []float64
		silent, answered, reached, length := 0, 0, 0, 0
		for _, one := range list {
			for _, h := range one.Hops {
				if h.TTL == ttl {
					times = append(times, float64(h.RTT)/1e6)
					answered++
				}
			}
			for _, s := range one.Silent {
				if s.TTL == ttl {
					silent++
				}
			}
			if one.StopReason == record.StopCompleted && one.End <= ttl {
				if reached++; one.End == ttl {
					length++
				}
			}
		}
		slices.Sort(times)
		for column, share := range []float64{0.25, 0.5, 0.75} {
			want := times[int(math.Ceil(share*float64(len(times))))-1]
			if got := rowOf(t, c.rttByTTL(), ttl)[1+column]; math.Abs(got-want) > 0.006*want {
				t.Errorf("TTL %d: quantile %.2f is %.3f ms, want %.3f", ttl, share, got, want)
			}
		}
		if got, want := rowOf(t, c.loss(), ttl)[1], percent(silent, silent+answered); got != want {
			t.Errorf("TTL %d: %.2f %% silent, want %.2f", ttl, got, want)
		}
		if ttl < 3 {
			continue
		}
		if got := rowOf(t, c.lengths(), ttl)[1]; int(got) != length {
			t.Errorf("%d hops: %.0f traces, want %d", ttl, got, length)
		}
		if got, want := rowOf(t, c.reach(), ttl)[1], percent(reached, len(list)); math.Abs(got-want) > 1e-9 {
			t.Errorf("TTL %d: %.2f %% reached, want %.2f", ttl, got, want)
		}
	}
	if last := c.loss(); len(last) != 12 {
		t.Errorf("silence beyond the end of traces counts: %v", last)
	}
}

func rowOf(t *testing.T, rows [][]float64, ttl uint8) []float64 {
	t.Helper()
	i := slices.IndexFunc(rows, func(row []float64) bool { return row[0] == float64(ttl) })
	if i < 0 {
		t.Fatalf("no row for %d in %v", ttl, rows)
	}
	return rows[i]
}

// Each figure is a picture, and a table with the named columns, and equal in each run.
func TestFigures(t *testing.T) {
	var c, none Counts
	for _, one := range samples() {
		c.Add(one)
	}
	for _, f := range Figures {
		var pictures [2]strings.Builder
		for i := range pictures {
			if err := f.SVG(&c, &pictures[i]); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		}
		picture := pictures[0].String()
		d := xml.NewDecoder(strings.NewReader(picture))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
		}
		if picture != pictures[1].String() || !strings.Contains(picture, f.X) || strings.Contains(picture, "NaN") {
			t.Errorf("%s: the picture lacks its axis, or differs", f.Name)
		}
		var table strings.Builder
		if err := f.CSV(&c, &table); err != nil || !strings.HasPrefix(table.String(), strings.Join(f.columns, ",")+"\n") {
			t.Errorf("%s: %v: %s", f.Name, err, table.String())
		}
		if n := strings.Count(table.String(), "\n"); n != 1+len(f.rows(&c)) {
			t.Errorf("%s: %d lines", f.Name, n)
		}
		if err := f.SVG(&none, io.Discard); !errors.Is(err, ErrEmpty) {
			t.Errorf("%s without traces: %v", f.Name, err)
		}
	}
	if _, err := Find("nothing"); err == nil {
		t.Error("an unknown figure is found")
	}
}

// Counts keep all their digits.
func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{1e6: "1000000", 12345678: "12345678", 0.1234567: "0.123457", -3: "-3"} {
		if got := number(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}

package list

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/masstrace/masstrace/internal/faulty"
	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/sender"
)

// lines returns a list of n probes.
func lines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "198.18.%d.%d,24000,33434,%d,udp\n", i>>8&255, i&255, 1+i%20)
	}
	return b.String()
}

// newRig returns a list of probes on a faulty link.
func newRig(t *testing.T, l *faulty.Link, probes io.Reader, out io.Writer) *list {
	t.Helper()
	p, err := newList(&Config{
		Probes: "-", Stdin: probes, AllowReserved: true, RatePPS: 500, Wait: 500 * time.Millisecond,
		Output: "-", Records: record.Both, Key: strings.Repeat("00", 16),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.newSleeper = func(time.Duration) sender.Sleeper { return faulty.Sleeper{Clock: p.time.Clock} }
	p.params.Source4 = faulty.Source4
	if err := p.makeCodec(); err != nil {
		t.Fatal(err)
	}
	p.session = l.Session(nil)
	if p.files, err = fileset.Create(p.cfg.paths(), l.Writer(out), outfile.Keep); err != nil {
		t.Fatal(err)
	}
	return p
}

// A stage that fails at any moment ends the run within a second, with its error and whole
// records. No further probe of the list leaves.
func TestStageFails(t *testing.T) {
	const probes = 2000
	for _, part := range []faulty.Part{faulty.Port, faulty.Source, faulty.Monitor} {
		for _, after := range []int64{0, 64, probes / 2, probes} {
			if part == faulty.Port && after == probes {
				continue // nothing is sent by then
			}
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				l := &faulty.Link{Breaks: part, After: after}
				err := newRig(t, l, strings.NewReader(lines(probes)), &out).run(t.Context(), context.Background())
				if partial := new(run.Incomplete); !errors.Is(err, faulty.ErrBroken) || !errors.As(err, &partial) {
					t.Errorf("%s after %d probes: run = %v", part, after, err)
				}
				if took, broken := l.Since(); !broken || took > time.Second {
					t.Errorf("%s after %d probes: it took %v to end", part, after, took)
				}
				checkLines(t, out.String(), false)
			})
		}
	}
}

func checkLines(t *testing.T, text string, summary bool) {
	t.Helper()
	for line := range strings.Lines(text) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not a record: %.80q", line)
		}
	}
	if got := strings.Contains(text, `"type":"summary"`); got != summary {
		t.Errorf("summary: %v, want %v", got, summary)
	}
}

// A list ends by itself, by a signal and by two, also while the program that writes it
// holds it up.
func TestSignals(t *testing.T) {
	for _, held := range []bool{false, true} {
		for signals := range 3 {
			if held && signals == 0 {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				in := io.Reader(strings.NewReader(lines(100)))
				if held {
					r, w := io.Pipe()
					defer w.Close()
					in = io.MultiReader(in, r)
				}
				var out bytes.Buffer
				ctx, kill := context.WithCancel(t.Context())
				defer kill()
				interrupted, interrupt := context.WithCancel(t.Context())
				defer interrupt()
				l := &faulty.Link{Breaks: "signal", After: 64}
				p := newRig(t, l, in, &out)
				done := make(chan struct{})
				go func() {
					for signals > 0 && !l.Due("signal") {
						select {
						case <-time.After(time.Millisecond):
						case <-done:
							return
						}
					}
					if signals > 0 {
						time.Sleep(100 * time.Millisecond)
						interrupt()
					}
					if signals > 1 {
						kill()
					}
				}()
				err := p.run(ctx, interrupted)
				close(done)
				took, _ := l.Since()
				switch partial := new(run.Incomplete); {
				case signals == 0 && err != nil, signals > 0 && !errors.As(err, &partial), signals > 1 && !errors.Is(err, run.ErrKilled):
					t.Errorf("%d signals, held %v: run = %v", signals, held, err)
				case signals > 0 && took > p.cfg.Wait+2*time.Second:
					t.Errorf("%d signals, held %v: it took %v to end", signals, held, took)
				}
				checkLines(t, out.String(), signals < 2)
			})
		}
	}
}

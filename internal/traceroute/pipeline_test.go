package traceroute

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/run"
)

// hostsOf yields n hosts: 0, 1 and so on.
func hostsOf(n int) iter.Seq[host] {
	return func(yield func(host) bool) {
		for i := range n {
			if !yield(host{name: fmt.Sprint(i)}) {
				return
			}
		}
	}
}

// stamped is an output whose lines get the time at which they came, in seconds.
type stamped struct {
	strings.Builder
	began time.Time
}

func (s *stamped) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		s.WriteString(fmt.Sprintf("%.0f %s", time.Since(s.began).Seconds(), line))
	}
	return len(p), nil
}

// rowsEach returns a trace that writes a row a second, so many as the host's number in counts.
func rowsEach(counts ...int) func(context.Context, host, io.Writer) outcome {
	return func(ctx context.Context, h host, out io.Writer) outcome {
		var i int
		fmt.Sscan(h.name, &i)
		for row := range counts[i] {
			time.Sleep(time.Second)
			fmt.Fprintf(out, "%s.%d\n", h.name, row)
		}
		return outcome{host: h, answered: true}
	}
}

// All hosts are traced at the same time. The rows of the first come as they are written. The blocks
// of the others come whole, in order, as soon as the ones before them are done.
func TestPipelineOrder(t *testing.T) {
	for _, tt := range []struct {
		name   string
		counts []int
		want   string
	}{
		{"the first is the slowest", []int{3, 1, 2}, "1 0.0\n2 0.1\n3 0.2\n3 1.0\n3 2.0\n3 2.1\n"},
		{"the first is the fastest", []int{1, 3, 2}, "1 0.0\n1 1.0\n2 1.1\n3 1.2\n3 2.0\n3 2.1\n"},
		{"one has no output", []int{1, 0, 2}, "1 0.0\n1 2.0\n2 2.1\n"},
	} {
		synctest.Test(t, func(t *testing.T) {
			out := &stamped{began: time.Now()}
			var order []string
			p := pipeline{out: out, trace: rowsEach(tt.counts...), done: func(o outcome) bool {
				order = append(order, o.host.name)
				return true
			}}
			p.run(t.Context(), hostsOf(len(tt.counts)))
			if diff := cmp.Diff(tt.want, out.String()); diff != "" || !slices.IsSorted(order) || len(order) != len(tt.counts) {
				t.Errorf("%s: order %v (-want +got):\n%s", tt.name, order, diff)
			}
		})
	}
}

// The numbers of hosts that are traced at the same time, and that are begun while the first is not
// done, are bounded.
func TestPipelineBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most, all atomic.Int64
		first := make(chan struct{})
		p := pipeline{out: io.Discard, done: func(outcome) bool { return true }}
		p.trace = func(_ context.Context, h host, _ io.Writer) outcome {
			all.Add(1)
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			if h.name == "0" {
				<-first
			}
			time.Sleep(time.Second)
			return outcome{host: h}
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			p.run(t.Context(), hostsOf(1000))
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := all.Load(); n > mostBegun || n < mostBegun-mostTogether {
			t.Errorf("%d hosts were begun, with the first not done", n)
		}
		close(first)
		<-ended
		if most.Load() != mostTogether || all.Load() != 1000 {
			t.Errorf("%d hosts at the same time, %d in all", most.Load(), all.Load())
		}
	})
}

// A host is traced before the next one is known. The end of the context stops all, also if the list
// of hosts holds up.
func TestPipelineInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		held := make(chan struct{})
		defer close(held)
		hosts := func(yield func(host) bool) {
			if yield(host{name: "0"}) {
				<-held
			}
		}
		out := new(bytes.Buffer)
		began := time.Now()
		p := pipeline{out: out, done: func(outcome) bool { return true }}
		p.trace = func(ctx context.Context, h host, out io.Writer) outcome {
			fmt.Fprintln(out, h.name)
			<-ctx.Done()
			fmt.Fprintln(out, "stopped")
			return outcome{host: h}
		}
		time.AfterFunc(time.Second, cancel)
		p.run(ctx, hosts)
		if out.String() != "0\nstopped\n" || time.Since(began) > time.Second {
			t.Errorf("%q after %v", out, time.Since(began))
		}
	})
}

// brokenAfter is an output that takes some lines.
type brokenAfter struct{ lines int }

func (b *brokenAfter) Write(p []byte) (int, error) {
	if b.lines--; b.lines < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

var errBroken = errors.New("broken")

// If the output breaks, the traces that are under way stop, and no other begins.
func TestPipelineOutputBreaks(t *testing.T) {
	for lines := range 4 {
		synctest.Test(t, func(t *testing.T) {
			var traced atomic.Int64
			var failures []error
			p := pipeline{out: &brokenAfter{lines}}
			p.trace = func(ctx context.Context, h host, out io.Writer) outcome {
				traced.Add(1)
				for range 2 {
					select {
					case <-time.After(time.Second):
					case <-ctx.Done():
						return outcome{host: h}
					}
					if _, err := fmt.Fprintln(out, h.name); err != nil {
						return outcome{host: h, err: run.OutputFailed(err)}
					}
				}
				return outcome{host: h}
			}
			p.done = func(o outcome) bool {
				if o.err != nil {
					failures = append(failures, o.err)
				}
				return true
			}
			p.run(t.Context(), hostsOf(10_000))
			if len(failures) != 1 || !errors.Is(failures[0], errBroken) || traced.Load() > 4*mostTogether {
				t.Errorf("%d lines: failures %v, %d hosts traced", lines, failures, traced.Load())
			}
		})
	}
}

// Blocks have a blank line between them, and none at the ends.
func TestSpaced(t *testing.T) {
	var b bytes.Buffer
	s := spaced{Writer: &b}
	for _, block := range []string{"", "a\n", "", "b\n", ""} {
		for line := range strings.Lines(block + block) {
			if _, err := s.Write([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		s.next()
	}
	if b.String() != "a\na\n\nb\nb\n" {
		t.Errorf("%q", b.String())
	}
}

package traceroute

import (
	"bytes"
	"context"
	"io"
	"iter"
	"sync"
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/run"
)

// Limits of a pipeline.
const (
	// mostTogether is how many hosts are traced at the same time.
	mostTogether = 64
	// mostBegun is how many hosts may be begun, or done, while their output waits for that of
	// an earlier host.
	mostBegun = 256
)

// pipeline traces several hosts at the same time, and writes their output in the order of the
// hosts. The output of the first host that is not done goes through as it comes; that of later
// ones is kept until their turn.
type pipeline struct {
	out io.Writer
	// trace traces a host until ctx ends, and writes its output to out.
	trace func(ctx context.Context, h host, out io.Writer) outcome
	// done takes the outcomes in the order of the hosts, each after the output of its host. If
	// it returns false, or the output fails, all traces are stopped, and no later outcome is
	// taken.
	done func(outcome) bool
}

// outcome is the result of a trace to a host.
type outcome struct {
	host     host
	answered bool
	err      error
}

// begun is a host whose trace has begun.
type begun struct {
	block   *block
	outcome chan outcome
}

// run traces hosts until they end, or ctx ends. It waits for all traces, but not for hosts, which
// may be held up by a read.
func (p *pipeline) run(ctx context.Context, hosts iter.Seq[host]) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	queue := make(chan begun, mostBegun-mostTogether)
	var traces sync.WaitGroup
	go func() {
		defer close(queue)
		p.begin(ctx, feed(ctx, hosts), queue, &traces)
	}()
	taken := true
	for b := range queue {
		var err error
		if taken {
			err = b.block.pass()
		}
		result := <-b.outcome
		if result.err == nil && err != nil {
			result.err = run.OutputFailed(err)
		}
		if taken = taken && p.done(result) && !b.block.broken.Load(); !taken {
			stop()
		}
	}
	traces.Wait()
}

// feed returns a channel with the hosts.
func feed(ctx context.Context, hosts iter.Seq[host]) <-chan host {
	c := make(chan host)
	go func() {
		defer close(c)
		for h := range hosts {
			select {
			case c <- h:
			case <-ctx.Done():
				return
			}
		}
	}()
	return c
}

// begin begins traces in the order of their hosts.
func (p *pipeline) begin(ctx context.Context, hosts <-chan host, queue chan<- begun, traces *sync.WaitGroup) {
	places := make(chan struct{}, mostTogether)
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		var h host
		var more bool
		select {
		case h, more = <-hosts:
		case <-ctx.Done():
		}
		if !more {
			return
		}
		b := begun{&block{out: p.out}, make(chan outcome, 1)}
		select {
		case queue <- b:
		case <-ctx.Done():
			return
		}
		traces.Go(func() {
			b.outcome <- p.trace(ctx, h, b.block)
			<-places
		})
	}
}

// block is the output of one host. It is kept until pass is called. Any goroutine may use it.
type block struct {
	mu     sync.Mutex
	out    io.Writer
	kept   bytes.Buffer
	passes bool
	err    error // of out

	broken atomic.Bool // err is not nil
}

// Write implements io.Writer.
func (b *block) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return 0, b.err
	}
	if !b.passes {
		return b.kept.Write(p)
	}
	n, err := b.out.Write(p)
	b.note(err)
	return n, err
}

// note keeps an error of out.
func (b *block) note(err error) {
	b.err = err
	b.broken.Store(err != nil)
}

// pass writes the output that was kept, and lets further output through.
func (b *block) pass() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.passes = true
	if b.kept.Len() > 0 {
		_, err := b.out.Write(b.kept.Bytes())
		b.note(err)
		b.kept = bytes.Buffer{}
	}
	return b.err
}

// spaced is a writer of blocks that are separated by a blank line.
type spaced struct {
	io.Writer
	due, written bool
}

// next begins another block.
func (s *spaced) next() { s.due = s.written }

// Write implements io.Writer.
func (s *spaced) Write(p []byte) (int, error) {
	if s.due {
		if _, err := s.Writer.Write([]byte{'\n'}); err != nil {
			return 0, err
		}
	}
	s.due, s.written = false, true
	return s.Writer.Write(p)
}

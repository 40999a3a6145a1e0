package journal

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/watch/board"
)

// Player shows a journal on a board again. View, Pause and Reset may be called from any goroutine.
type Player struct {
	reader *Reader
	speed  float64
	sink   Sink

	mu     sync.Mutex
	board  *board.Board
	paused bool
}

// Sink takes samples and changes, as watch.Sink does.
type Sink interface {
	Sample(s *board.Sample) error
	Change(c *board.Change) error
}

// NewPlayer returns a player. A speed of 2 is twice as fast as the watch; 0 does not wait at all.
// sink may be nil.
func NewPlayer(r *Reader, speed float64, sink Sink) *Player {
	return &Player{reader: r, speed: speed, sink: sink, board: board.New(r.Targets(), r.Head.Flows)}
}

// pausePoll is between two looks at a player that is paused.
const pausePoll = 50 * time.Millisecond

// Run plays the journal until its end or that of ctx, which is no error.
func (p *Player) Run(ctx context.Context) error {
	began := time.Now()
	var first int64
	cycle := uint32(0)
	for {
		s, err := p.reader.Next()
		if err != nil {
			p.endCycles(&cycle, p.board.Cycles)
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if first == 0 {
			first = s.Sent
		}
		for p.isPaused() && ctx.Err() == nil {
			wait(ctx, pausePoll)
			began = began.Add(pausePoll)
		}
		if p.speed > 0 {
			seen := s.Sent + max(int64(s.RTT), 0) - first
			wait(ctx, time.Until(began.Add(time.Duration(float64(seen)/p.speed))))
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := p.take(&s, &cycle); err != nil {
			return err
		}
	}
}

// take adds a sample. A cycle is over when a sample of the second one after it comes.
func (p *Player) take(s *board.Sample, cycle *uint32) error {
	if s.Cycle > *cycle+1 {
		if err := p.endCycles(cycle, s.Cycle-1); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.board.Take(s)
	if p.sink != nil {
		return p.sink.Sample(s)
	}
	return nil
}

// endCycles ends the cycles below a number.
func (p *Player) endCycles(cycle *uint32, below uint32) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if *cycle >= below {
		return nil
	}
	changes := p.board.EndCycle(below - 1)
	*cycle = below
	for i := range changes {
		if p.sink == nil {
			break
		}
		if err := p.sink.Change(&changes[i]); err != nil {
			return err
		}
	}
	return nil
}

// wait waits for a time, or the end of ctx.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (p *Player) isPaused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.paused
}

// View calls f with the board, which f must neither change nor keep.
func (p *Player) View(f func(b *board.Board)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p.board)
}

// Pause stops the playing, or lets it go on.
func (p *Player) Pause(stop bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = stop
}

// Reset forgets all statistics.
func (p *Player) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.board.Reset()
}

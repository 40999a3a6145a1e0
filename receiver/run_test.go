package receiver

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
)

const (
	wall = int64(1e18) // the wall clock at the beginning
	ms   = int64(1e6)
)

// arrival is a frame that a fake source has at a time of the run.
type arrival struct {
	at    int64 // when Next gives it
	stamp int64 // when the kernel stamped it, in time of the run
	frame []byte
}

// script is source, clock and sink of a Receiver in one, on a virtual clock.
type script struct {
	testing.TB
	now      int64 // time of the run
	step     int64 // the wall clock was set forward by this
	arrivals []arrival
	block    int64 // the kernel fills a block for so long
	err      error // after the last, instead of idling
	cancel   context.CancelFunc
	buffer   [2048]byte // overwritten by each frame, as a ring is

	idled    int
	replies  []probe.Reply
	upTo     int64
	batches  []int
	lastCall int64
	longest  int64           // time between two calls of the sink
	onIdle   func(s *script) // called while Next waits
	onNext   func(s *script)
}

func (s *script) LinkType() int { return int(layers.LinkTypeRaw) }

func (s *script) Delay() time.Duration { return time.Duration(s.block) }

func (s *script) Shift() (shift, now int64) { return wall - (wall + s.step), s.now }

func (s *script) Next() ([]byte, int64, error) {
	if s.onNext != nil {
		s.onNext(s)
	}
	if len(s.arrivals) == 0 && s.err != nil {
		return nil, 0, s.err
	}
	if wait := max(s.block, ms); len(s.arrivals) == 0 || s.arrivals[0].at > s.now+wait {
		s.now += wait
		if s.onIdle != nil {
			s.onIdle(s)
		}
		if s.idled++; len(s.arrivals) == 0 && s.idled > 20 {
			s.cancel()
		}
		return nil, 0, ErrIdle
	}
	a := s.arrivals[0]
	s.arrivals = s.arrivals[1:]
	s.now = max(s.now, a.at)
	n := copy(s.buffer[:], a.frame)
	return s.buffer[:n], a.stamp + s.step, nil
}

func (s *script) Replies(batch []probe.Reply, upTo int64) {
	if len(batch) > maxBatch {
		s.Errorf("a batch of %d", len(batch))
	}
	if upTo < s.upTo {
		s.Errorf("the watermark went back from %d to %d", s.upTo, upTo)
	}
	if upTo > s.now {
		s.Errorf("the watermark is %d ns ahead of time", upTo-s.now)
	}
	for i := range batch {
		if batch[i].Stamp < s.upTo {
			s.Errorf("a reply stamped %d ns before the watermark", s.upTo-batch[i].Stamp)
		}
		if ext := batch[i].Ext; ext != nil && !bytes.Equal(ext, mpls()) {
			s.Errorf("an extension that was overwritten: % x", ext)
		}
		s.replies = append(s.replies, batch[i])
	}
	s.upTo = upTo
	s.batches = append(s.batches, len(batch))
	s.longest = max(s.longest, s.now-s.lastCall)
	s.lastCall = s.now
}

// play runs a receiver through s.
func (s *script) play(t *testing.T) (*Receiver, error) {
	t.Helper()
	s.TB = t
	s.now, s.lastCall = wall, wall
	for i := range s.arrivals {
		s.arrivals[i].at += wall
		s.arrivals[i].stamp += wall
	}
	r, err := New(s, newCodec(t, probe.UDP), s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s.cancel = cancel
	return r, r.Run(ctx, s)
}

func testFrames(t testing.TB) (good, extended, foreign []byte) {
	list := frames(t, probe.UDP)
	return list["error4"], list["mpls4"], with(list["error4"], 10, 0, 0)
}

// Frames come in any number and density, stamped up to a block out of order and given up to two
// blocks later. All replies arrive, and none is stamped before the watermark. The batches are not
// too long, and the sink is not left alone.
func TestRunRandom(t *testing.T) {
	for _, block := range []int64{blockNS, 50 * ms, ms, 0} {
		t.Run(time.Duration(block).String(), func(t *testing.T) { runRandom(t, block) })
	}
}

func runRandom(t *testing.T, block int64) {
	good, extended, foreign := testFrames(t)
	spread := max(block, 2*ms) // of the stamps, and of the times at which blocks are read
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 3))
		s := &script{block: block}
		gap := []int64{100, 1000, 100_000, 3 * ms, 9 * ms, 30 * ms}[seed%6]
		want, at := 0, int64(0)
		for range 1000 {
			at += rng.Int64N(2 * gap)
			a := arrival{stamp: at - rng.Int64N(min(gap, spread)), frame: foreign}
			// A block ends and is read some time after.
			a.at = at
			if block > 0 {
				a.at = at/block*block + block + rng.Int64N(block)
			}
			if len(s.arrivals) > 0 {
				a.at = max(a.at, s.arrivals[len(s.arrivals)-1].at)
			}
			switch rng.IntN(3) {
			case 0:
				a.frame, want = good, want+1
			case 1:
				a.frame, want = extended, want+1
			}
			s.arrivals = append(s.arrivals, a)
		}
		r, err := s.play(t)
		if err != nil || len(s.replies) != want || r.Heard.Frames.Load() != 1000 || r.Heard.Rejected.Checksum.Load() != uint64(1000-want) {
			t.Errorf("seed %d: Run = %v, %d replies, want %d", seed, err, len(s.replies), want)
		}
		if s.longest > 4*spread+3*ms {
			t.Errorf("seed %d: the sink heard nothing for %d ms", seed, s.longest/ms)
		}
		if s.upTo < s.now-3*block-idleSlack {
			t.Errorf("seed %d: in the end the watermark is %d ms behind", seed, (s.now-s.upTo)/ms)
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}

// A flood is handed on in full batches.
func TestRunFlood(t *testing.T) {
	_, extended, _ := testFrames(t)
	s := &script{block: blockNS}
	for range 10 * maxBatch {
		s.arrivals = append(s.arrivals, arrival{at: ms, stamp: ms / 2, frame: extended})
	}
	if _, err := s.play(t); err != nil || len(s.replies) != 10*maxBatch {
		t.Errorf("Run = %v, %d replies", err, len(s.replies))
	}
	full := 0
	for _, n := range s.batches {
		if n == maxBatch {
			full++
		}
	}
	if full < 9 {
		t.Errorf("batches of %v", s.batches)
	}
}

// Frames that come all the time but are no replies do not hold replies up.
func TestRunTrickle(t *testing.T) {
	good, _, foreign := testFrames(t)
	s := &script{block: blockNS, arrivals: []arrival{{at: ms, stamp: ms, frame: good}}}
	for i := range int64(1000) {
		s.arrivals = append(s.arrivals, arrival{at: 2*ms + i*ms, stamp: 2*ms + i*ms, frame: foreign})
	}
	if _, err := s.play(t); err != nil || s.longest > 15*ms {
		t.Errorf("Run = %v; the sink heard nothing for %d ms", err, s.longest/ms)
	}
}

// The process sleeps while Next returns with nothing. The frames that came meanwhile are not
// stamped before the watermark.
func TestRunDescheduled(t *testing.T) {
	good, _, _ := testFrames(t)
	s := &script{block: blockNS, arrivals: []arrival{{at: 10*blockNS + 495*ms, stamp: 10*blockNS + 10*ms, frame: good}}}
	s.onIdle = func(s *script) {
		if s.idled == 10 {
			s.now += 490 * ms
		}
	}
	if _, err := s.play(t); err != nil || len(s.replies) != 1 {
		t.Errorf("Run = %v, %d replies", err, len(s.replies))
	}
}

// The wall clock is set, forwards or back, between two frames: stamps stay on the
// time line of the run, and so does the watermark.
func TestRunClockStep(t *testing.T) {
	good, _, _ := testFrames(t)
	for _, step := range []int64{3600e9, -3600e9, 15 * ms, -15 * ms} {
		s := &script{block: blockNS}
		for i := range int64(200) {
			s.arrivals = append(s.arrivals, arrival{at: i * ms, stamp: i * ms, frame: good})
		}
		s.onNext = func(s *script) {
			if len(s.arrivals) == 100 {
				s.step = step
			}
		}
		if _, err := s.play(t); err != nil || len(s.replies) != 200 {
			t.Fatalf("Run = %v, %d replies", err, len(s.replies))
		}
		for i := range s.replies {
			if got := s.replies[i].Stamp - wall; got != int64(i)*ms {
				t.Errorf("step %d: reply %d is stamped %d", step, i, got)
			}
		}
	}
}

// One stamp of the future does not take the watermark along.
func TestRunStampAhead(t *testing.T) {
	good, _, _ := testFrames(t)
	s := &script{block: blockNS, arrivals: []arrival{{at: ms, stamp: 3600e9, frame: good}}}
	for i := range int64(100) {
		s.arrivals = append(s.arrivals, arrival{at: 200*ms + i*ms, stamp: 180*ms + i*ms, frame: good})
	}
	if _, err := s.play(t); err != nil || len(s.replies) != 101 {
		t.Errorf("Run = %v, %d replies", err, len(s.replies))
	}
}

// At the end of the source, or when it fails, the decoded replies are handed on.
func TestRunEnds(t *testing.T) {
	good, _, _ := testFrames(t)
	broken := errors.New("broken")
	for _, tt := range []struct{ err, want error }{{io.EOF, nil}, {broken, broken}} {
		s := &script{block: blockNS, err: tt.err}
		for range 5 {
			s.arrivals = append(s.arrivals, arrival{at: ms, stamp: ms, frame: good})
		}
		if _, err := s.play(t); !errors.Is(err, tt.want) || len(s.replies) != 5 {
			t.Errorf("%v: Run = %v, %d replies", tt.err, err, len(s.replies))
		}
	}
	// A context that ends, with replies in the batch.
	s := &script{block: blockNS}
	for range 5 {
		s.arrivals = append(s.arrivals, arrival{at: ms, stamp: ms, frame: good})
	}
	s.onNext = func(s *script) {
		if len(s.arrivals) == 1 {
			s.cancel()
		}
	}
	if _, err := s.play(t); err != nil || len(s.replies) != 5 {
		t.Errorf("Run = %v, %d replies", err, len(s.replies))
	}
}

// An extension longer than any honest one is cut, and takes no room from others.
func TestRunLongExtension(t *testing.T) {
	_, extended, _ := testFrames(t)
	s := &script{block: blockNS}
	r, err := New(s, newCodec(t, probe.UDP), s)
	if err != nil {
		t.Fatal(err)
	}
	// 1500 octets of empty objects after the quotation.
	q := padded(quoted(sent(r.decoder.codec.(*codec.Codec), asked(true)), 0), 128)
	ext := bytes.Repeat([]byte{0, 4, 9, 9}, 375)
	copy(ext, []byte{0x20, 0, 0, 0})
	long := ip4(router4, 1, nil, icmp4(11, 0, 32<<16, append(q, ext...)))
	room := cap(r.octets)
	for range maxBatch {
		r.take(long, 1)
	}
	if len(r.batch) != maxBatch || len(r.batch[7].Ext) != maxExtension || cap(r.octets) != room {
		t.Errorf("%d replies, extension of %d octets, room %d", len(r.batch), len(r.batch[7].Ext), cap(r.octets))
	}
	r.batch, r.octets = r.batch[:0], r.octets[:0]
	if n := testing.AllocsPerRun(100, func() {
		r.take(extended, 1)
		r.batch, r.octets = r.batch[:0], r.octets[:0]
	}); n != 0 {
		t.Errorf("%v allocations per reply", n)
	}
}

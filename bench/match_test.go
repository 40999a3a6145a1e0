package bench

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/receiver"
)

// matchTargets is the number of targets in the window of BenchmarkReceive: about as many as a scan
// of 100,000 pps probes at a time.
const matchTargets = 2048

// scanned is a window whose every probe was answered, by frames in an order that is independent of
// that of the targets.
type scanned struct {
	frames [][]byte
	window *window.Window
	match  *matcher.Matcher
	heard  account.Live
}

// scan makes the window and its answers. They have the form of those in the capture.
func (c capture) scan(t testing.TB) *scanned {
	t.Helper()
	var lines target.Lines
	must(t, lines.Read("list", strings.NewReader("20.0.0.0/8\n2600::/32\n")))
	list, err := target.NewList(target.Config{Include: &lines})
	must(t, err)
	order, err := list.Order(target.OrderConfig{})
	must(t, err)
	shape := window.Shape{Targets: matchTargets, FirstTTL: 1, LastTTL: captureTTLs, Flows: 1, Attempts: 1,
		ExtensionOctets: matchTargets * captureTTLs * 32}
	s := &scanned{window: window.New(shape)}
	set := window.NewSet(shape)
	s.match = matcher.New(matcher.Config{Index: order.Finder(), Set: set, Heard: &s.heard})
	run := captureCodec(t)
	packet := make([]byte, codec.MaxSize)
	var p codec.Prepared
	// Targets of both families are mixed; those of the other family are skipped.
	id := uint64(0)
	for s.window.Open(id); s.window.Len() < matchTargets; {
		target := order.At(uint64(s.window.Len()))
		s.window.Append(target)
		if target.Is4() == c.v6 {
			continue
		}
		run.Prepare(&p, target, 0)
		for ttl := uint8(1); ttl <= captureTTLs; ttl++ {
			n := run.Encode(packet, &p, ttl, 0)
			s.frames = append(s.frames, c.answer(t, packet[:n], ttl))
		}
	}
	set.Put(s.window)
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(len(s.frames), func(i, j int) { s.frames[i], s.frames[j] = s.frames[j], s.frames[i] })
	// One after the other in memory, as in a ring.
	ring := bytes.Join(s.frames, nil)
	for i, f := range s.frames {
		s.frames[i], ring = ring[:len(f):len(f)], ring[len(f):]
	}
	return s
}

// renew makes the window again, as it is when all probes are sent and none is answered.
func (s *scanned) renew() {
	targets := make([]probe.Addr, s.window.Len())
	for i := range targets {
		targets[i] = s.window.Target(i)
	}
	s.window.Reset()
	for i, target := range targets {
		s.window.Append(target)
		for ttl := uint8(1); ttl <= captureTTLs; ttl++ {
			s.window.Stamp(window.Slot{Target: uint32(i), TTL: ttl}, 1)
		}
	}
}

// run receives and matches all frames once.
func (s *scanned) run(t testing.TB) {
	src := &replayed{frames: s.frames, more: func() bool { return true }}
	left := len(s.frames)
	src.more = func() bool { left--; return left >= 0 }
	r, err := receiver.New(src, captureCodec(t), still{})
	must(t, err)
	if err := r.Run(t.Context(), s.match); err != nil && err != io.EOF {
		t.Fatal(err)
	}
}

func TestReceive(t *testing.T) {
	for _, c := range captures {
		s := c.scan(t)
		s.renew()
		s.run(t)
		if got := s.heard.Strong.Load(); got != uint64(len(s.frames)) {
			t.Errorf("%s: %d of %d matched", c.name, got, len(s.frames))
		}
	}
}

// BenchmarkReceive takes frames to their slots: decoded, authenticated and matched. Each is the
// first answer to its probe.
func BenchmarkReceive(b *testing.B) {
	for _, c := range captures {
		b.Run(c.name, func(b *testing.B) {
			s := c.scan(b)
			src := &replayed{frames: s.frames}
			n := 0
			src.more = func() bool {
				if n == 0 {
					b.StopTimer()
					s.renew()
					n = len(s.frames)
					b.StartTimer()
				}
				n--
				return b.Loop()
			}
			r, err := receiver.New(src, captureCodec(b), still{})
			must(b, err)
			b.ReportAllocs()
			if err := r.Run(b.Context(), s.match); err != nil && err != io.EOF {
				b.Fatal(err)
			}
		})
	}
}

package receiver

import (
	"io"
	"math/rand/v2"
	"testing"

	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/probe"
)

// Frames of noise, and replies with octets changed, cut and lengthened, come as fast as they can.
// Each frame is in one count. No frame makes a reply that was not sent. The genuine replies
// between them are all there.
func TestMalformedFlood(t *testing.T) {
	const each = 50
	list := frames(t, probe.UDP)
	var kinds [][]byte
	for _, b := range list {
		kinds = append(kinds, b)
	}
	good := list["error4"]
	rng := rand.New(rand.NewPCG(10, 6))
	f := &flood{left: 1_000_000}
	f.frame = func(n int) []byte {
		if n%each == 0 {
			return good
		}
		b := append(f.buffer[:0], kinds[rng.IntN(len(kinds))]...)
		switch rng.IntN(4) {
		case 0: // noise
			b = b[:rng.IntN(len(b)+1)]
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
		case 1: // cut
			b = b[:rng.IntN(len(b))]
		case 2: // longer than it states
			b = b[:min(cap(b), len(b)+rng.IntN(1200))]
		}
		for range rng.IntN(8) {
			if len(b) > 0 {
				b[rng.IntN(len(b))] ^= byte(1 << rng.IntN(8))
			}
		}
		return b
	}
	r, err := New(f, newCodec(t, probe.UDP), f)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	s := &r.Heard
	counted := s.Malformed.Load() + s.Unrelated.Load() + s.Rejected.Checksum.Load() + s.Rejected.Source.Load() + s.Rejected.Tag.Load() + s.Rejected.Conflict.Load() + s.Rejected.Responder.Load()
	if s.Frames.Load() != uint64(f.given) || counted+uint64(f.replies) != s.Frames.Load() {
		t.Errorf("%d frames, %d in a count, %d replies", s.Frames.Load(), counted, f.replies)
	}
	if f.replies < f.given/each || s.Malformed.Load()*10 < s.Frames.Load() {
		t.Errorf("%d replies of %d genuine ones, %d malformed", f.replies, f.given/each, s.Malformed.Load())
	}
	t.Logf("%d frames, %d malformed, %d replies", f.given, s.Malformed.Load(), f.replies)
}

// flood is a source, clock and sink of frames without an end, or nearly.
type flood struct {
	left, given, replies int
	frame                func(n int) []byte
	buffer               [4096]byte
}

func (f *flood) Next() ([]byte, int64, error) {
	if f.left == 0 {
		return nil, 0, io.EOF
	}
	f.left--
	f.given++
	return f.frame(f.given), wall + int64(f.given)*1000, nil
}

func (f *flood) LinkType() int { return int(layers.LinkTypeRaw) }

func (f *flood) Shift() (shift, now int64) { return 0, wall + int64(f.given)*1000 }

func (f *flood) Replies(batch []probe.Reply, _ int64) {
	for i := range batch {
		if batch[i].Valid != probe.Garbled { // which is in a count
			f.replies++
		}
	}
}

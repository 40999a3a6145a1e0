package bench

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/receiver"
)

// replayed is a receiver.Source of frames in memory. It repeats them while more returns true.
type replayed struct {
	frames [][]byte
	i      int
	more   func() bool
}

func (r *replayed) Next() ([]byte, int64, error) {
	if !r.more() {
		return nil, 0, io.EOF
	}
	if r.i == len(r.frames) {
		r.i = 0
	}
	r.i++
	return r.frames[r.i-1], 1, nil
}

func (r *replayed) LinkType() int { return int(layers.LinkTypeEthernet) }

// still is a clock that is never stepped.
type still struct{}

func (still) Shift() (shift, now int64) { return 0, 1 }

// kept is a receiver.Sink that counts replies and their properties.
type kept struct {
	replies, strong, extended int
	ttls                      [captureTTLs + 1]int
}

func (k *kept) Replies(batch []probe.Reply, _ int64) {
	for i := range batch {
		k.replies++
		if batch[i].Valid == probe.Strong {
			k.strong++
		}
		if len(batch[i].Ext) > 0 {
			k.extended++
		}
		if ttl := int(batch[i].TTL); ttl < len(k.ttls) {
			k.ttls[ttl]++
		}
	}
}

// frames reads a capture file.
func (c capture) frames(t testing.TB) [][]byte {
	t.Helper()
	f, err := os.Open(c.path())
	must(t, err)
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	must(t, err)
	var all [][]byte
	for {
		frame, _, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return all
		}
		must(t, err)
		all = append(all, frame)
	}
}

// run receives frames of the capture while more returns true.
func (c capture) run(t testing.TB, more func() bool) *kept {
	t.Helper()
	src := &replayed{frames: c.frames(t), more: more}
	r, err := receiver.New(src, captureCodec(t), still{})
	must(t, err)
	var sink kept
	if err := r.Run(t.Context(), &sink); !errors.Is(err, io.EOF) && err != nil {
		t.Fatal(err)
	}
	return &sink
}

func TestCapturesDecode(t *testing.T) {
	for _, c := range captures {
		left := captureTargets * captureTTLs
		got := c.run(t, func() bool { left--; return left >= 0 })
		want := kept{replies: captureTargets * captureTTLs, strong: captureTargets * captureTTLs}
		if c.labels > 0 {
			want.extended = want.replies
		}
		for ttl := 1; ttl <= captureTTLs; ttl++ {
			want.ttls[ttl] = captureTargets
		}
		if *got != want {
			t.Errorf("%s: %+v, want %+v", c.name, *got, want)
		}
	}
}

// BenchmarkDecode turns frames into authenticated replies, as the receiver does, without the
// kernel's part.
func BenchmarkDecode(b *testing.B) {
	for _, c := range captures {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(c.frames(b)[0])))
			c.run(b, b.Loop)
		})
	}
}

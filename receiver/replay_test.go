package receiver

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/probe"
)

// replayedCapture reads a capture of the repository.
func replayedCapture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../testdata/captures", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Reading and decoding a frame of a file costs no allocation.
func TestReplayAllocs(t *testing.T) {
	for _, name := range []string{"made/path-us-be.pcap", "made/path-cooked2.pcapng", "scans/tcp-syn.pcapng", "tools/mtr.pcap"} {
		whole := replayedCapture(t, name)
		in := bytes.NewReader(whole)
		f, err := pcapng.NewFile(name, in)
		if err != nil {
			t.Fatal(err)
		}
		r := NewReplay(newCodec(t, probe.UDP))
		var reply probe.Reply
		var h probe.Header
		known := func(*probe.Header) bool { return true }
		frames := 0
		var e pcapng.Entry
		allocs := testing.AllocsPerRun(20, func() {
			if f.Read(&e) != nil || e.Frame == nil {
				return
			}
			frames++
			r.Reply(&e, &reply)
			r.Probe(&e, &reply.Facts)
			r.Header(&e, &h)
			r.Foreign(&e, &reply, &h, known)
		})
		if allocs != 0 || frames < 10 {
			t.Errorf("%s: %v allocations, %d frames", name, allocs, frames)
		}
	}
}

// FuzzReplay decodes any frame in all ways, after one that sets the link type.
func FuzzReplay(f *testing.F) {
	for _, name := range []string{"made/path-us-be.pcap", "made/path-cooked2.pcapng", "scans/udp.pcapng", "tools/mtr.pcap"} {
		file, err := pcapng.NewFile(name, bytes.NewReader(replayedCapture(f, name)))
		if err != nil {
			f.Fatal(err)
		}
		var e pcapng.Entry
		for n := 0; n < 50 && file.Read(&e) == nil; n++ {
			f.Add(bytes.Clone(e.Frame), e.LinkType, uint8(e.Direction), true)
		}
	}
	f.Fuzz(func(t *testing.T, frame []byte, linkType int, direction uint8, known bool) {
		e := pcapng.Entry{Frame: frame, LinkType: linkType, Direction: pcapng.Direction(direction)}
		r := NewOthers(newCodec(t, probe.UDP))
		var reply probe.Reply
		var h probe.Header
		e.Cut = known
		r.Reply(&e, &reply)
		r.Probe(&e, &reply.Facts)
		r.Header(&e, &h)
		r.Foreign(&e, &reply, &h, func(*probe.Header) bool { return known })
		if frames := r.Heard.Frames.Load(); frames != 2 {
			t.Fatalf("%d frames are counted, want 2", frames)
		}
	})
}

// A probe of ours in a capture is found whatever field of its flow varies.
func TestReplayVariedProbe(t *testing.T) {
	for _, m := range []probe.Method{probe.UDP, probe.ICMP, probe.TCPSYN, probe.TCPACK} {
		c, err := codec.New(codec.Config{
			Method: m, Source4: source4, Source6: source6, DstPort: 33434, Flows: probe.BaseFlows, Variations: true,
			MinTTL: 1, MaxTTL: 32, Attempts: probe.MaxAttempts,
		})
		if err != nil {
			t.Fatal(err)
		}
		r := NewReplay(c)
		for n := range uint16(200) {
			p := probe.Probe{Target: probe.Addr4From([4]byte{20, 1, 2, byte(n)}), TTL: 1 + uint8(n%32), Attempt: uint8(n % 4)}
			if n%2 == 1 {
				p.Target = probe.Addr{0: 0x26, 15: byte(n)}
			}
			v := probe.Variation(n/2) % probe.Variations
			if !c.HasVariation(v, p.Target.Is4()) {
				continue
			}
			p.Flow = v.Of(n * 5)
			var prepared codec.Prepared
			c.Prepare(&prepared, p.Target, p.Flow)
			frame := make([]byte, codec.MaxSize)
			frame = frame[:c.Encode(frame, &prepared, p.TTL, p.Attempt)]
			var f probe.Facts
			if ok := r.Probe(&pcapng.Entry{Frame: frame, LinkType: int(layers.LinkTypeRaw), Direction: pcapng.Outbound}, &f); !ok || f.Probe != p {
				t.Fatalf("%s: found %t, %+v, want %+v", m, ok, f.Probe, p)
			}
		}
	}
}

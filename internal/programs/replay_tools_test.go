package programs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/record"
)

// A capture of another tool's trace has the hops that the tool printed.
func TestReplayTools(t *testing.T) {
	all, err := filepath.Glob(captureDir + "/tools/*.pcap")
	if err != nil || len(all) < 20 {
		t.Fatalf("%v, %v", all, err)
	}
	for _, path := range all {
		name := strings.TrimSuffix(filepath.Base(path), ".pcap")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(strings.TrimSuffix(path, ".pcap") + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			tool, _, _ := strings.Cut(name, "-")
			want := map[string]func(*testing.T, string) []string{
				"traceroute": printedByTraceroute, "mtr": printedByMTR, "scamper": printedByScamper,
				"yarrp": printedByYarrp, "caracal": printedByCaracal,
			}[tool](t, string(text))
			r := read(t, bytes.NewReader(replayed(t, record.Both, path)))
			traces := r.traces
			if len(traces) != 1 {
				t.Fatalf("%d traces", len(traces))
			}
			var got []string
			for _, h := range traces[0].Hops {
				got = append(got, fmt.Sprintf("%d %v", h.ProbeTTL, h.Addr))
				if h.Valid != "unverified" || h.RTTNs == nil || len(h.Mangled) > 0 {
					t.Errorf("TTL %d: %+v", h.ProbeTTL, h)
				}
			}
			switch tool {
			case "mtr": // which prints each address once
				got = slices.Compact(got)
			case "yarrp", "caracal": // print all replies, in order
				got = answers(r.replies, tool == "yarrp")
			}
			if !slices.Equal(got, want) {
				t.Errorf("have %q, %s printed %q", got, tool, want)
			}
		})
	}
}

// printedByTraceroute returns "TTL address" of each reply.
func printedByTraceroute(t *testing.T, text string) (hops []string) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if _, err := strconv.Atoi(f[0]); err != nil {
			continue
		}
		addr := ""
		for _, word := range f[1:] {
			switch {
			case word == "ms":
				hops = append(hops, f[0]+" "+addr)
			case strings.Count(word, ".") == 3 || strings.Contains(word, ":"):
				addr = word
			}
		}
	}
	return hops
}

func printedByMTR(t *testing.T, text string) (hops []string) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if ttl, ok := strings.CutSuffix(f[0], ".|--"); ok && f[1] != "???" {
			hops = append(hops, ttl+" "+f[1])
		}
	}
	return hops
}

func printedByScamper(t *testing.T, text string) (hops []string) {
	for line := range strings.Lines(text) {
		var theirs scamperTrace
		if json.Unmarshal([]byte(line), &theirs) != nil || theirs.Type != "trace" {
			continue
		}
		for _, h := range theirs.Hops {
			hops = append(hops, fmt.Sprintf("%d %v", h.ProbeTTL, h.Addr))
		}
	}
	return hops
}

// answers returns "TTL address" of each reply: of ICMP errors alone, or of all.
func answers(replies []*ndjson.ReplyLine, errorsAlone bool) (hops []string) {
	for _, r := range replies {
		if errorsAlone && r.QuotedTTL == nil {
			continue
		}
		hops = append(hops, fmt.Sprintf("%d %v", *r.ProbeTTL, r.ReplySrc))
	}
	return hops
}

// printedByYarrp returns the ICMP errors; yarrp prints no other answers.
func printedByYarrp(t *testing.T, text string) (hops []string) {
	for line := range strings.Lines(text) {
		// target sec usec type code ttl hop …
		if f := strings.Fields(line); len(f) > 6 && f[0] != "#" && f[0] != "$" {
			hops = append(hops, f[5]+" "+f[6])
		}
	}
	return hops
}

func printedByCaracal(t *testing.T, text string) (hops []string) {
	for line := range strings.Lines(text) {
		// …,probe_ttl,quoted_ttl,reply_src_addr,…
		f := strings.Split(line, ",")
		if len(f) > 8 && f[6] != "probe_ttl" {
			addr := netip.MustParseAddr(f[8])
			hops = append(hops, f[6]+" "+addr.Unmap().String())
		}
	}
	return hops
}

// Replies that come long after their probes, or long after everything as a wrong
// stamp would have it, answer none that is known.
func TestReplayPause(t *testing.T) {
	in, err := pcapng.OpenFile(captureDir+"/tools/traceroute-udp.pcap", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	w := pcapgo.NewWriter(&out)
	if err := w.WriteFileHeader(65536, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	frames := 0
	for {
		frame, stamp, err := in.Next()
		if err != nil {
			break
		}
		frames++
		at := time.Unix(0, stamp)
		switch {
		case frames == 30:
			at = at.Add(24 * time.Hour)
		case frames > 40:
			at = at.Add(time.Hour)
		}
		info := gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(frame), Length: len(frame)}
		if err := w.WritePacket(info, frame); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "pause.pcap")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	r := read(t, bytes.NewReader(replayed(t, record.Both, path)))
	if err := r.summary.Balance(); err != nil || len(r.replies) < 30 {
		t.Errorf("%d replies, %v", len(r.replies), err)
	}
}

// writePcap writes the frames of a capture as a pcap file in ns, which says
// nothing of directions and runs.
func writePcap(t *testing.T, to, from string) {
	t.Helper()
	in, err := pcapng.OpenFile(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	w := pcapgo.NewWriterNanos(&out)
	if err := w.WriteFileHeader(65536, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	for {
		frame, stamp, err := in.Next()
		if err != nil {
			break
		}
		info := gopacket.CaptureInfo{Timestamp: time.Unix(0, stamp), CaptureLength: len(frame), Length: len(frame)}
		if err := w.WritePacket(info, frame); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(to, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

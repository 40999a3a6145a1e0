package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
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

	"github.com/masstrace/masstrace/output"
	"github.com/masstrace/masstrace/receiver"
)

// A capture of another tool's trace has the hops that the tool printed.
func TestReplayTools(t *testing.T) {
	all, err := filepath.Glob(captureDir + "/tools/*.pcap")
	if err != nil || len(all) < 10 {
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
			}[tool](t, string(text))
			traces := read(t, bytes.NewReader(replayed(t, output.Traces, path))).traces
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
			if tool == "mtr" { // which prints each address once
				got = slices.Compact(got)
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

// writePcap writes the frames of a capture as a pcap file in ns, which says
// nothing of directions and runs.
func writePcap(t *testing.T, to, from string) {
	t.Helper()
	in, err := receiver.OpenFile(from, nil)
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

package programs

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/replay"
)

// writeMade writes packets as a capture of raw IP, at most snap octets of each.
func writeMade(t *testing.T, snap int, packets ...madePacket) string {
	t.Helper()
	var frames [][]byte
	var at []int64
	for _, p := range packets {
		frames, at = append(frames, p.octets), append(at, p.ns)
	}
	b := pcapFile(binary.LittleEndian, 1000, 101, nil, nil)
	for i, f := range frames {
		record := pcapFile(binary.LittleEndian, 1000, 101, [][]byte{f[:min(snap, len(f))]}, at[i:i+1])[24:]
		binary.LittleEndian.PutUint32(record[12:], uint32(len(f)))
		b = append(b, record...)
	}
	path := filepath.Join(t.TempDir(), "made.pcap")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// replyLines returns the reply records of a capture, and its summary.
func replyLines(t *testing.T, files ...string) (replies []map[string]any, summary map[string]any) {
	t.Helper()
	for line := range bytes.Lines(replayed(t, record.Replies, files...)) {
		var v map[string]any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		switch v["type"] {
		case "reply":
			replies = append(replies, v)
		case "summary":
			summary = v
		}
	}
	return replies, summary
}

// Errors that quote other packets than probes have records, and so have messages about routes and
// rates. They are counted as unrelated, and make no probe.
func TestReplayAside(t *testing.T) {
	ip := func(protocol layers.IPProtocol, offset uint16) []byte {
		return serialize(t, &layers.IPv4{Version: 4, TTL: 1, Id: 9, Protocol: protocol, FragOffset: offset,
			SrcIP: madeOurs, DstIP: []byte{198, 51, 100, 9}}, gopacket.Payload("0123456789abcdef"))
	}
	ip6 := serialize(t, &layers.IPv6{Version: 6, HopLimit: 1, NextHeader: layers.IPProtocolESP, SrcIP: madeOurs6,
		DstIP: append(bytes.Clone(madeOurs6[:15]), 9)}, gopacket.Payload("0123456789abcdef"))
	redirect6 := slices.Concat(make([]byte, 32), []byte{4, byte((8 + len(ip6)) / 8), 0, 0, 0, 0, 0, 0}, ip6)
	tests := []struct {
		name     string
		message  []byte
		protocol float64
	}{
		{"SCTP", madeError(t, "203.0.113.1", 11, 0, 0, ip(layers.IPProtocolSCTP, 0), nil), 132},
		{"ESP", madeError(t, "203.0.113.1", 3, 1, 0, ip(layers.IPProtocolESP, 0), nil), 50},
		{"AH", madeError(t, "203.0.113.1", 3, 2, 0, ip(layers.IPProtocolAH, 0), nil), 51},
		{"GRE", madeError(t, "203.0.113.1", 3, 13, 0, ip(layers.IPProtocolGRE, 0), nil), 47},
		{"a later fragment", madeError(t, "203.0.113.1", 11, 0, 0, ip(layers.IPProtocolUDP, 100), nil), 17},
		{"redirect", madeError(t, "203.0.113.1", 5, 1, 0, ip(layers.IPProtocolUDP, 0), nil), 17},
		{"source quench", madeError(t, "203.0.113.1", 4, 0, 0, ip(layers.IPProtocolUDP, 0), nil), 17},
		{"ESP over IPv6", madeError(t, "2001:db8::7", 3, 0, 0, ip6, nil), 50},
		{"IPv6 redirect", madeError(t, "2001:db8::7", 137, 0, 0, redirect6, nil), 50},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			replies, summary := replyLines(t, writeMade(t, 1<<16, madePacket{tt.message, 0}))
			if len(replies) != 1 || replies[0]["probe_protocol"] != tt.protocol || replies[0]["valid"] != "unverified" {
				t.Errorf("records %v", replies)
			}
			if summary["sent"] != 0.0 || summary["unrelated"] != 1.0 || summary["frames"] != 1.0 {
				t.Errorf("summary %v", summary)
			}
		})
	}
}

// A redirect that quotes a probe is no hop of it.
func TestReplayRedirect(t *testing.T) {
	b := madeProbe(t, "198.51.100.9", 3)
	path := writeMade(t, 1<<16, madePacket{b, 0},
		madePacket{madeError(t, "203.0.113.9", 5, 1, 0, expired(b), nil), 1e6},
		madePacket{madeError(t, "203.0.113.1", 11, 0, 0, expired(b), nil), 2e6})
	r := read(t, bytes.NewReader(replayed(t, record.Traces, path)))
	if len(r.traces) != 1 || len(r.traces[0].Hops) != 1 || r.traces[0].Hops[0].Addr.String() != "203.0.113.1" {
		t.Errorf("traces %+v", r.traces)
	}
}

// Frames that a capture has in part are used as far as they go. The quoted headers identify the
// probe. Its own frame is cut too.
func TestReplaySnap(t *testing.T) {
	for _, dst := range []string{"198.51.100.9", "2001:db8:100::9"} {
		var packets []madePacket
		router, typ, least := "203.0.113.1", uint8(11), 20+8+20+4
		if strings.Contains(dst, ":") {
			router, typ, least = "2001:db8:200::1", 3, 40+8+40+8
		}
		for ttl := range 4 {
			b := madeProbe(t, dst, uint8(ttl+1))
			packets = append(packets, madePacket{b, int64(ttl) * 2e6},
				madePacket{madeError(t, router, typ, 0, 0, expired(b), nil), int64(ttl)*2e6 + 1e6})
		}
		for snap := least; snap < 140; snap++ {
			replies, summary := replyLines(t, writeMade(t, snap, packets...))
			if len(replies) != 4 || summary["answered"] != 4.0 || summary["sent"] != 4.0 {
				t.Fatalf("%s, %d octets: %d records, summary %v", dst, snap, len(replies), summary)
			}
			for i, r := range replies {
				if r["probe_ttl"] != float64(i+1) || r["kind"] != "ttl_exceeded" {
					t.Errorf("%s, %d octets: %v", dst, snap, r)
				}
			}
		}
	}
}

// A capture of which nothing was understood is not a success.
func TestReplayNothing(t *testing.T) {
	arp := append(make([]byte, 12), 8, 6, 0, 1)
	for link, want := range map[uint16]string{1: "none of 2 frames", 777: "link type 777"} {
		path := filepath.Join(t.TempDir(), "x.pcap")
		b := pcapFile(binary.LittleEndian, 1000, link, [][]byte{arp, arp}, []int64{0, 1})
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		err := replay.Run(t.Context(), replayConfig(&out, record.Both, path))
		if !isPartial(err) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "nothing was understood") {
			t.Errorf("link type %d: %v", link, err)
		}
		if !strings.Contains(out.String(), `"complete":false`) {
			t.Errorf("link type %d: %s", link, out.String())
		}
	}
}

package programs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/replay"
)

// spread is a longer run: paths to several targets, with replies that come after later probes.
func spread(t *testing.T) (all []madePacket) {
	t.Helper()
	ns := int64(0)
	for i := range 40 {
		for ttl := range 5 {
			b := madeProbe(t, fmt.Sprintf("198.51.100.%d", i+1), uint8(ttl+1))
			all = append(all, madePacket{b, ns},
				madePacket{madeError(t, fmt.Sprintf("203.0.113.%d", ttl+1), 11, 0, 0, expired(b)[:28], nil), ns + 30e6})
			ns += 20e6
		}
	}
	slices.SortFunc(all, func(a, b madePacket) int { return int(a.ns - b.ns) })
	return all
}

// writeFramed writes packets of a framing to a file of that name in a folder.
func writeFramed(t *testing.T, path string, link uint16, head func(bool, byte) string, packets []madePacket) {
	t.Helper()
	var frames [][]byte
	var at []int64
	for _, p := range packets {
		frames, at = append(frames, p.frame(t, head)), append(at, p.ns)
	}
	if err := os.WriteFile(path, pcapFile(binary.LittleEndian, 1, link, frames, at), 0o600); err != nil {
		t.Fatal(err)
	}
}

// recordsOf replays files and returns the records, without the name of the first file.
func recordsOf(t *testing.T, files ...string) string {
	t.Helper()
	text := string(replayed(t, record.Both, files...))
	first := files[0]
	if found, err := filepath.Glob(filepath.Join(first, "*")); err == nil && len(found) > 0 {
		first = found[0]
	}
	return strings.ReplaceAll(text, `"hostname":"`+filepath.Base(first)+`"`, `"hostname":"x"`)
}

// Frames that are not in order give the records of the frames in order. They may be in one file, or
// in a file for each direction or time.
func TestReplayOrder(t *testing.T) {
	dir := t.TempDir()
	packets := spread(t)
	head := framings[0].head
	write := func(name string, packets []madePacket) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFramed(t, path, 1, head, packets)
		return path
	}
	want := recordsOf(t, write("sorted", packets))
	if n := strings.Count(want, `"type":"trace"`); n != 40 {
		t.Fatalf("%d traces, want 40", n)
	}
	// Every frame moves by less than the time that frames wait.
	moved := slices.Clone(packets)
	random := rand.New(rand.NewPCG(1, 2))
	at := map[int64]int64{}
	for _, p := range moved {
		at[p.ns] = p.ns + random.Int64N(1.5e9)
	}
	slices.SortFunc(moved, func(a, b madePacket) int { return int(at[a.ns] - at[b.ns]) })
	isSent := func(p madePacket) bool { return bytes.Equal(p.octets[12:16], madeOurs) }
	sent := slices.DeleteFunc(slices.Clone(packets), func(p madePacket) bool { return !isSent(p) })
	received := slices.DeleteFunc(slices.Clone(packets), isSent)
	n := len(packets) / 3
	write("folder/a", packets[:n])
	write("folder/b", packets[n:2*n])
	write("folder/c", packets[2*n:])
	write("folder/c.key", nil)
	if err := os.WriteFile(filepath.Join(dir, "folder", "notes.txt"), []byte("about the captures\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string][]string{
		"out of order":    {write("moved", moved)},
		"two directions":  {write("received", received), write("sent", sent)},
		"files backwards": {filepath.Join(dir, "folder/c"), filepath.Join(dir, "folder/b"), filepath.Join(dir, "folder/a")},
		"a folder":        {filepath.Join(dir, "folder")},
	} {
		if got := recordsOf(t, files...); got != want {
			t.Errorf("%s: %d octets of other records, want %d", name, len(got), len(want))
		}
	}
	empty := t.TempDir()
	if err := replay.Run(t.Context(), replayConfig(new(bytes.Buffer), record.Both, empty)); !isUsage(err) {
		t.Errorf("an empty folder: %v", err)
	}
}

// Copies that other interfaces of one machine captured are no second probes and replies. What a
// machine forwards counts as it leaves. Repetitions on one interface count.
func TestReplayCopies(t *testing.T) {
	const br0, eth0 = 7, 2
	on := func(index int) func(bool, byte) string {
		return func(is4 bool, way byte) string {
			return etherType(is4) + fmt.Sprintf("0000%08x0001%02x060200000000010000", index, way)
		}
	}
	as := func(way byte) func(bool, byte) string {
		return func(is4 bool, _ byte) string { return on(br0)(is4, way) }
	}
	probe := madeProbe(t, "198.51.100.9", 1)
	reply := madeError(t, "203.0.113.1", 11, 0, 0, expired(probe)[:28], nil)
	type frame struct {
		octets []byte
		head   func(bool, byte) string
		ns     int64
	}
	tests := []struct {
		name                       string
		frames                     []frame
		sent, answered, duplicates float64
	}{
		{"once", []frame{{probe, on(br0), 0}, {reply, on(eth0), 1e6}}, 1, 1, 0},
		{"on a bridge", []frame{{probe, on(br0), 0}, {probe, on(eth0), 3e3}, {reply, on(eth0), 1e6}, {reply, on(br0), 1e6 + 3e3}}, 1, 1, 0},
		{"a network that duplicates", []frame{{probe, on(br0), 0}, {reply, on(eth0), 1e6}, {reply, on(eth0), 1e6 + 3e3}}, 1, 1, 1},
		{"much later", []frame{{probe, on(br0), 0}, {reply, on(eth0), 1e6}, {reply, on(br0), 1e9}}, 1, 1, 1},
		{"forwarded", []frame{{probe, as(0), 0}, {probe, on(eth0), 3e3}, {reply, on(eth0), 1e6}}, 1, 1, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var frames [][]byte
			var at []int64
			for _, f := range tt.frames {
				frames, at = append(frames, madePacket{f.octets, 0}.frame(t, f.head)), append(at, f.ns)
			}
			path := filepath.Join(t.TempDir(), "any.pcap")
			if err := os.WriteFile(path, pcapFile(binary.LittleEndian, 1, 276, frames, at), 0o600); err != nil {
				t.Fatal(err)
			}
			_, summary := replyLines(t, path)
			if summary["sent"] != tt.sent || summary["answered"] != tt.answered || summary["duplicates"] != tt.duplicates {
				t.Errorf("summary %v", summary)
			}
		})
	}
}

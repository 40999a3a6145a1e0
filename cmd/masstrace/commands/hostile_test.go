package commands

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/wire"
)

// readerMemory is the most memory that a reader of any file may have for itself, in octets.
const readerMemory = 256e6

// deadline ends a reader that hangs: it is far longer than any needs.
const deadline = 2 * time.Minute

// readsWithin runs the program on a hostile file, and checks its memory and that it ends.
func readsWithin(t *testing.T, args ...string) {
	t.Helper()
	readsIn(t, readerMemory, args...)
}

// readsIn is readsWithin with another limit of the memory, in octets.
func readsIn(t *testing.T, limit int64, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	memory := measured(t, cmd)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%v did not end", args)
	}
	if bytes.Contains(out, []byte("goroutine ")) {
		t.Fatalf("%v: %v\n%.2000s", args, err, out)
	}
	m := memory()
	t.Logf("%d MiB, status %d: %.200s", m>>20, cmd.ProcessState.ExitCode(), out)
	if m > limit {
		t.Errorf("%d MiB resident", m>>20)
	}
}

// flood is a capture of many probes, with an answer to each.
type flood struct {
	probes  int
	sources bool // each probe has a source of its own
	targets bool // likewise a target
	answers bool
	pause   uint32 // s between two
}

// write writes the capture to a file.
func (f *flood) write(t *testing.T) string {
	t.Helper()
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 101, 0, 0, 0)
	second := uint32(1_700_000_000)
	packet := func(p []byte) {
		b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, second), 0)
		n := uint32(len(p))
		b = append(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, n), n), p...)
	}
	for i := range f.probes {
		src, dst := uint32(0x0a000001), uint32(0x2d000000)
		if f.sources {
			src += uint32(i)
		}
		if f.targets {
			dst += uint32(i)
		}
		p := append(ipv4(17, 28, uint16(i), byte(1+i%30), src, dst), 0x9c, 0x40, 0x82, 0x9a, 0, 8, 0, 0)
		packet(p)
		if f.answers {
			icmp := append([]byte{11, 0, 0, 0, 0, 0, 0, 0}, p...)
			binary.BigEndian.PutUint16(icmp[2:], wire.Checksum(wire.Sum(icmp, 0)))
			packet(append(ipv4(1, 20+len(icmp), 1, 60, 0x0b010101, src), icmp...))
		}
		second += f.pause
	}
	path := filepath.Join(t.TempDir(), "flood.pcap")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// ipv4 returns an IPv4 header.
func ipv4(protocol byte, size int, id uint16, ttl byte, src, dst uint32) []byte {
	b := []byte{0x45, 0, byte(size >> 8), byte(size), byte(id >> 8), byte(id), 0, 0, ttl, protocol, 0, 0}
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, src), dst)
	binary.BigEndian.PutUint16(b[10:], wire.Checksum(wire.Sum(b, 0)))
	return b
}

// A replay of a flood of probes keeps to its memory. The probes have one stamp, so that no time ever
// passes, or sources and targets of their own, or are all of one flow.
func TestReplayFlood(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]flood{
		"one stamp":         {probes: effort.Count(150_000, 300_000), targets: true},
		"answered":          {probes: 150_000, targets: true, answers: true},
		"many sources":      {probes: effort.Count(100_000, 150_000), targets: true, sources: true, answers: true},
		"one flow":          {probes: 300_000, answers: true},
		"over a long time":  {probes: 50_000, targets: true, answers: true, pause: 1000},
		"over a short time": {probes: 50_000, targets: true, answers: true, pause: 1},
	} {
		if !effort.Soaking() && name != "one stamp" && name != "many sources" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			readsWithin(t, "replay", "-q", "--records", "both", "-o", filepath.Join(t.TempDir(), "out"), f.write(t))
		})
	}
}

// bomb writes a file that repeats fill until it has n octets, compressed if its name ends in .gz.
func bomb(t *testing.T, name, head, fill, tail string, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	const part = 1 << 20
	repeated := strings.Repeat(fill, max(min(part, n)/len(fill), 1))
	packed := func(text string) []byte { // members of a gzip file follow each other
		if !strings.HasSuffix(name, ".gz") {
			return []byte(text)
		}
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		_, err := io.WriteString(w, text)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	write := func(b []byte) {
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	write(packed(head))
	block := packed(repeated)
	for left := n; left > len(fill); left -= len(repeated) {
		write(block)
	}
	write(packed(tail))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// The readers of results keep to their memory. Hostile files have lines with more values than any
// record, lines without an end, and octets that take much more memory when decoded.
func TestResultsHostile(t *testing.T) {
	t.Parallel()
	const begin = `{"type":"cycle-start"}` + "\n" + `{"type":"run","run":"x"}` + "\n"
	var simulated bytes.Buffer
	l, err := netsim.NewLogWriter(&simulated, netsim.Default())
	if err != nil || l.Flush() != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "net.log")
	if err := os.WriteFile(log, simulated.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	const line = 15 << 20 // nearly the longest
	for i, b := range []struct {
		name, head, fill, tail string
		n                      int
	}{
		{"hops", begin + `{"type":"trace","dst":"1.2.3.4","src":"1.2.3.5","hops":[`, `{},`, "{}]}\n", line},
		{"few hops", begin + `{"type":"trace","dst":"1.2.3.4","src":"1.2.3.5","hops":[`, `{},`, "{}]}\n", 190_000},
		{"objects", begin + `{"type":"reply","reply_src_addr":"1.2.3.4","icmpext":[`, `{},`, "{}]}\n", line},
		{"TTLs", begin + `{"type":"summary","by_ttl":[`, `{},`, "{}]}\n", line},
		{"routers", begin + `{"type":"summary","limited_routers":[`, `{},`, "{}]}\n", line},
		{"arguments", `{"type":"cycle-start"}` + "\n" + `{"type":"run","argv":[`, `"",`, "\"\"]}\n", line},
		{"depth", begin + `{"type":"x","a":`, `[`, "", line},
		{"no end", begin + `{"type":"trace","x":"`, `a`, "", 64 << 20},
		{"traces", begin, `{"type":"trace","dst":"1.2.3.4","hops":[]}` + "\n", "", 8 << 20},
	} {
		t.Run(b.name, func(t *testing.T) {
			path := bomb(t, "x.ndjson.gz", b.head, b.fill, b.tail, b.n)
			for j, reader := range [][]string{
				{"show"}, {"merge", "--allow-missing", "-o", filepath.Join(t.TempDir(), "out")}, {"verify", "--log", log},
			} {
				if j == i%3 || b.n < line || effort.Soaking() { // all of them decode, and refuse, a long line alike
					readsWithin(t, append(reader, path)...)
				}
			}
		})
	}
}

// The readers of lists keep to the memory of their different entries. A compressed list repeats
// entries of any kind without an end.
func TestListsHostile(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	log := emptyLog(t)
	for name, fill := range map[string]string{
		"addresses": "45.1.2.3\n",
		"prefixes":  "45.1.2.0/30\n45.1.9.0/30\n",
		"ranges":    "2a00::1-2a00::9\n",
		"comments":  "# x\n",
	} {
		if name != "prefixes" && name != "comments" && !effort.Soaking() { // one reader reads all entries
			continue
		}
		t.Run(name, func(t *testing.T) {
			path := bomb(t, "list.gz", "45.1.2.3\n", fill, "", 96<<20)
			readsWithin(t, "scan", "--dry-run", path)
			if name == "prefixes" {
				readsWithin(t, "scan", "--dry-run", "45.0.0.1", "--exclude", path)
				readsWithin(t, "verify", "-", "--log", log, "--targets", path)
			}
		})
	}
	readsWithin(t, "scan", "--dry-run", "--probes", bomb(t, "list.gz", "", "45.1.2.3,40000,33434,1,udp\n", "", 96<<20))
	readsWithin(t, "trace", "--hosts", bomb(t, "list.gz", "", "# x\n", "", 96<<20))
	// There is a message for each of these.
	readsWithin(t, "trace", "--hosts", bomb(t, "list.gz", "", "45.1.2.0/24\n", "", 1<<20))
}

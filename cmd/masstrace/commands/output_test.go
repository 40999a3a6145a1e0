package commands

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// A device that is full from the first octet.
func TestOutputFullAtOnce(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	p := start(t, nil, "scan", "45.16.0.0/15", "-o", "/dev/full")
	p.end(4)
	p.says("masstrace: output failed: write /dev/full: no space left on device")
}

// A disk that fills up during a run stops the sending.
func TestOutputDiskFull(t *testing.T) {
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	for _, name := range []string{"out.ndjson", "out.ndjson.gz", "out.ndjson.zst"} {
		dir := t.TempDir()
		if err := unix.Mount("small", dir, "tmpfs", 0, "size=32k"); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, name)
		p := start(t, nil, "scan", "45.16.0.0/12", "--rate=20k", "--memory=1M", "--wait=100ms", "-o", out)
		p.end(4)
		p.says("masstrace: output failed: write "+out+": no space left on device",
			"incomplete: the results could not be written", "not sent before the run ended")
		// Whole lines are valid, the last one is cut.
		if r, err := readResults(out); err != nil || len(r.traces) == 0 || r.summary != nil {
			t.Errorf("%s: %v; want traces and no summary", name, err)
		}
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	}
}

// manyTargets has traces to 20,000 targets, and all paths to each, with routers of its own. Every other
// one answered.
// The addresses are random, so that no compression makes little of them.
func manyTargets(t *testing.T) (path string) {
	t.Helper()
	text := []byte(`{"type":"run","schema":"1","run":"01JX","tool":"masstrace/1"}` + "\n")
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		a, b, c := rng.IntN(256), rng.IntN(256), rng.IntN(256)
		reason := [...]string{"COMPLETED", "GAPLIMIT"}[i%2]
		text = fmt.Appendf(text, `{"type":"trace","method":"udp-paris","src":"192.0.2.1","dst":"45.%d.%d.%d","stop_reason":%q,"hop_count":2,`+
			`"hops":[{"addr":"6.%[1]d.%[2]d.%[3]d","probe_ttl":1,"probe_id":1,"rtt":1.5,"icmp_type":11,"icmp_code":0},`+
			`{"addr":"7.%[1]d.%[2]d.%[3]d","probe_ttl":2,"probe_id":1,"rtt":2.5,"icmp_type":11,"icmp_code":0}]}`+"\n", a, b, c, reason)
		text = fmt.Appendf(text, `{"type":"multipath","method":"udp-paris","src":"192.0.2.1","dst":"45.%d.%d.%d","mda":"lite",`+
			`"nodes":[{"ttl":1,"addr":"6.%[1]d.%[2]d.%[3]d","flows":1},{"ttl":2,"addr":"7.%[1]d.%[2]d.%[3]d","flows":1}],`+
			`"links":[{"ttl":1,"near":"6.%[1]d.%[2]d.%[3]d","far":"7.%[1]d.%[2]d.%[3]d","flows":1,"dt_ms":1.5}],"balancers":[]}`+"\n", a, b, c)
	}
	path = filepath.Join(t.TempDir(), "many.ndjson")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A conversion to a disk that fills up ends with its error. The file has whole records, and perhaps a
// cut one. A file that is useless without its end is not there.
func TestConvertDiskFull(t *testing.T) {
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	in := manyTargets(t)
	packings := []string{"", ".gz", ".zst"}
	for i, name := range all.Writers() {
		f, err := all.WriterOf(name)
		if err != nil {
			t.Fatal(err)
		}
		for j, packed := range packings {
			if j != i%len(packings) && !effort.Soaking() {
				continue // each format and each packing is met
			}
			dir := t.TempDir()
			if err := unix.Mount("small", dir, "tmpfs", 0, "size=16k"); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, "out"+f.Endings[0]+packed)
			p := start(t, nil, "convert", "-q", in, out)
			p.end(4)
			p.says("no space left on device")
			list, err := os.ReadDir(dir)
			if err != nil || f.Whole != (len(list) == 0) {
				t.Errorf("%s: %v, %v", out, list, err)
			}
			if !f.Whole && f.NewReader != nil {
				wholeRecords(t, out)
			}
			if err := unix.Unmount(dir, 0); err != nil {
				t.Error(err)
			}
		}
	}
}

// wholeRecords reads records until the file is cut.
func wholeRecords(t *testing.T, path string) {
	t.Helper()
	f, err := all.Open(path, nil)
	if err != nil {
		t.Error(err)
		return
	}
	defer f.Close()
	for n := 0; ; n++ {
		if _, err := f.Read(); err != nil {
			if n == 0 || err != io.EOF && !errors.Is(err, format.ErrCut) {
				t.Errorf("%s: %d records, %v", path, n, err)
			}
			return
		}
	}
}

// When the reader of standard output goes away, the scan ends as other programs do, and without a
// message about it. Its account stays.
func TestOutputPipeClosed(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, writer, "scan", "45.16.0.0/15", "--rate=20k", "--memory=1M", "--wait=100ms")
	writer.Close()
	if _, err := bufio.NewReader(reader).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	reader.Close()
	p.end(statusPipe)
	for _, word := range []string{"broken pipe", "incomplete", "frames received"} {
		if strings.Contains(p.said(), word) {
			t.Errorf("not a quiet end:\n%s", p.said())
		}
	}
}

// No process reads the status any more: the scan continues.
func TestStderrClosed(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	out := outFile(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	cmd := exec.Command("/proc/self/exe", "scan", "45.16.0.0/20", "--rate=50", "--wait=300ms", "-o", out)
	cmd.Args[0] = program
	cmd.Stderr = writer
	err = cmd.Run()
	writer.Close()
	if err != nil {
		t.Error(err)
	}
	if sum := mustRead(t, out).summary; !sum.Complete {
		t.Errorf("summary %+v, want complete", sum)
	}
}

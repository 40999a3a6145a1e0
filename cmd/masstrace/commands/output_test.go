package commands

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

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

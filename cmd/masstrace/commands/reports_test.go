package commands

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// A scan serves its metrics, and writes a line of status each second. A status file that cannot be
// written is told once, and the scan goes on. A port in use is an error before any file is made,
// and so before a probe is sent.
func TestReports(t *testing.T) {
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	out := outFile(t)
	p := start(t, nil, "scan", "45.16.0.0/16", "--rate=2k", "--wait=300ms", "--metrics=127.0.0.1:0", "--status=/dev/full", "-o", out)
	line := p.await("metrics: http://")
	_, url, _ := strings.Cut(line, "metrics: ")
	r, err := http.Get(strings.TrimSpace(url))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r.Body)
	if closed := r.Body.Close(); err != nil || closed != nil || !bytes.Contains(text, []byte("masstrace_probes_sent_total")) {
		t.Errorf("%v, %v: %s", err, closed, text)
	}
	p.end(0)
	p.says("warning: --status: write /dev/full: no space left on device; the scan goes on without it")
	if n := strings.Count(p.said(), "--status"); n != 1 {
		t.Errorf("told %d times", n)
	}

	used, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer used.Close()
	for _, name := range []string{"scan", "follow"} {
		out, status := outFile(t), outFile(t)
		p = start(t, nil, name, "45.16.0.9", "--metrics", used.Addr().String(), "--status", status, "-o", out)
		p.end(statusEnvironment)
		p.says("--metrics: listen tcp", "address already in use: another program has this port, choose another one")
		for _, path := range []string{out, status} {
			if _, err := os.Stat(path); err == nil {
				t.Errorf("%s: there is %s", name, path)
			}
		}
	}
}

// On a full disk a status file of any kind is told once, also by a quiet run, and the run goes on.
func TestStatusFileFull(t *testing.T) {
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	dir := t.TempDir()
	if err := unix.Mount("small", dir, "tmpfs", 0, "size=16k"); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Unmount(dir, 0) }()
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	if closed := filler.Close(); closed != nil || !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err, closed)
	}
	for _, tt := range []struct{ command, status string }{
		{"scan", "a.ndjson"}, {"scan", "b.csv"}, {"scan", "c.csv.gz"}, {"scan", "d.ndjson.zst"}, {"follow", "e.csv"},
	} {
		status, out := filepath.Join(dir, tt.status), outFile(t)
		args := []string{tt.command, "45.16.0.0/22", "-q", "--wait=200ms", "--status", status, "-o", out}
		if tt.command == "follow" {
			args = append(args, "--max-runtime=3s")
		}
		p := start(t, nil, args...)
		p.end(0)
		if n := strings.Count(p.said(), "--status"); n != 1 || !strings.Contains(p.said(), "no space left on device; the ") || !strings.Contains(p.said(), "goes on without it") {
			t.Errorf("%s --status %s: told %d times: %s", tt.command, tt.status, n, p.said())
		}
		if r, err := readResults(out); err != nil || len(r.traces) == 0 || tt.command == "scan" && r.summary == nil {
			t.Errorf("%s --status %s: %v, or not whole", tt.command, tt.status, err)
		}
	}
}

func TestStatusFile(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	path := filepath.Join(t.TempDir(), "status.csv")
	p := start(t, nil, "scan", "45.16.0.0/18", "-q", "--rate=2k", "--wait=300ms", "--status", path, "-o", outFile(t))
	p.end(0)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 || rows[0][0] != "time" || rows[len(rows)-1][3] != "1" {
		t.Errorf("%v, %v; want a line of names, and at last all done", rows, err)
	}
	for _, args := range [][]string{{"--status", path, "-o", path, "--overwrite"}, {"--status", path}} {
		p := start(t, nil, append([]string{"scan", "45.16.0.9", "-q"}, args...)...)
		p.end(map[bool]int{true: statusUsage, false: statusEnvironment}[len(args) > 2])
	}
}

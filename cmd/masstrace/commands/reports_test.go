package commands

import (
	"bytes"
	"encoding/csv"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// A scan serves its metrics, and writes a line of status each second. A status file that cannot be
// written is told once, and the scan goes on. A port in use is an error before any file is made.
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
	out = outFile(t)
	p = start(t, nil, "scan", "45.16.0.9", "--metrics", used.Addr().String(), "-o", out)
	p.end(statusEnvironment)
	p.says("--metrics: listen tcp", "address already in use")
	if _, err := os.Stat(out); err == nil {
		t.Error("there is an output")
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

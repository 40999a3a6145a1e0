package show

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/hops"
	"github.com/masstrace/masstrace/internal/format/traceroute"
	"github.com/masstrace/masstrace/internal/merge"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/verify"
)

// mostAllocated is the most memory that the readers of small results may allocate, in octets.
const mostAllocated = 256 << 20

// hangs is a time after which a reader has surely hung.
const hangs = time.Minute

// value is a value in a line of results: the place of its first octet, and its length.
type value struct{ at, size int }

// values returns all values of a line: those of fields, at any depth, and of lists.
func values(line []byte) (all []value) {
	for at := range line {
		if at == 0 || !strings.ContainsRune(":,[", rune(line[at-1])) {
			continue
		}
		var v json.RawMessage
		if json.NewDecoder(bytes.NewReader(line[at:])).Decode(&v) == nil && bytes.HasPrefix(line[at:], v) {
			all = append(all, value{at, len(v)})
		}
	}
	return all
}

// FuzzResults changes one value of results to any JSON, or repeats or removes a line. Each reader
// then ends, keeps to its memory, and does not panic.
func FuzzResults(f *testing.F) {
	text, err := os.ReadFile("../../testdata/replay/scans-udp.pcapng.ndjson")
	if err != nil {
		f.Fatal(err)
	}
	lines := bytes.SplitAfter(bytes.TrimSpace(text), []byte("\n"))
	log := emptyLog(f)
	for i := range lines {
		for j, v := range []string{"0", "-1", "255", "65536", "4294967296", "18446744073709551615", "1e300", `""`, `"::"`, `"45.0.0.1"`, "[]", "{}", "null", "true"} {
			f.Add(uint8(i), uint16(7*i+13*j), v, uint8(0))
		}
		f.Add(uint8(i), uint16(0), "", uint8(1))
		f.Add(uint8(i), uint16(0), "", uint8(2))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, line uint8, place uint16, changed string, edit uint8) {
		n := int(line) % len(lines)
		in := bytes.Join(lines[:n], nil)
		switch edit % 3 {
		case 0:
			in = append(in, altered(lines[n], int(place), changed)...)
		case 1:
			in = append(append(in, lines[n]...), lines[n]...)
		}
		in = append(in, bytes.Join(lines[n+1:], nil)...)
		path := filepath.Join(dir, "results.ndjson")
		if err := os.WriteFile(path, in, 0o600); err != nil {
			t.Fatal(err)
		}
		readAll(t, path, log)
	})
}

// altered returns a line with a value changed. Text that is no JSON becomes a string.
func altered(line []byte, place int, changed string) []byte {
	if !json.Valid([]byte(changed)) {
		text, _ := json.Marshal(changed) // of a string: it cannot fail
		changed = string(text)
	}
	all := values(line)
	if len(all) == 0 {
		return line
	}
	v := all[place%len(all)]
	return append(append(bytes.Clone(line[:v.at]), strings.ReplaceAll(changed, "\n", " ")...), line[v.at+v.size:]...)
}

// readAll gives results to each command that reads them.
func readAll(t *testing.T, path, log string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hangs)
	defer cancel()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, w := range []format.Writer{
		hops.NewCSV(io.Discard), hops.NewTable(io.Discard), traceroute.NewTraces(traceroute.Writer{Out: io.Discard, Extensions: true, Columns: 80}),
	} {
		_, _ = Run(ctx, Config{Results: path, Writer: w}) // any error is good
	}
	_, _ = merge.Run(ctx, merge.Config{Files: []string{path}, Missing: merge.AllowMissing, Output: "-", Stdout: io.Discard})
	report, err := verify.Run(ctx, verify.Config{Results: path, Log: log})
	if err == nil {
		err = report.Text(io.Discard)
	}
	if err == nil && report.OK() {
		t.Error("results without a probe in the log are right")
	}
	runtime.ReadMemStats(&after)
	if ctx.Err() != nil {
		t.Fatal("a reader did not end")
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > mostAllocated {
		t.Fatalf("%d octets allocated", n)
	}
}

// emptyLog writes the log of a network without a probe.
func emptyLog(f *testing.F) string {
	f.Helper()
	var b bytes.Buffer
	l, err := netsim.NewLogWriter(&b, netsim.Default())
	if err == nil {
		err = l.Flush()
	}
	path := filepath.Join(f.TempDir(), "log")
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o600)
	}
	if err != nil {
		f.Fatal(err)
	}
	return path
}

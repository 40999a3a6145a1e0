package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/ndjson"
)

// way is a way to read a file.
type way struct {
	name  string
	procs int // processors that Go may use
	read  func() (octets, records int, err error)

	wall, cpu, allocs []float64 // of its runs; s, s
	octets, records   int
}

// ways returns all ways.
func ways(f *files) []*way {
	size := func(path string) int {
		info, err := os.Stat(path)
		if err != nil {
			return 0
		}
		return int(info.Size())
	}
	records := func(path string, octets int) func() (int, int, error) {
		return func() (int, int, error) {
			n, err := readRecords(path)
			return octets, n, err
		}
	}
	traces := size(f.plain)
	return []*way{
		{name: "masstrace, traces", procs: 1, read: records(f.plain, traces)},
		{name: "encoding/json, traces", procs: 1, read: func() (int, int, error) { return readJSON(f.plain) }},
		{name: "masstrace, replies", procs: 1, read: records(f.replies, size(f.replies))},
		{name: "encoding/json, replies", procs: 1, read: func() (int, int, error) { return readJSON(f.replies) }},
		{name: "masstrace, lines of traces for merge", procs: 1, read: func() (int, int, error) { return readLines(f.plain) }},
		{name: "masstrace, traces in .gz", procs: 1, read: records(f.gz, traces)},
		{name: "masstrace, traces in .gz", procs: 2, read: records(f.gz, traces)},
		{name: "masstrace, traces in .zst", procs: 1, read: records(f.zst, traces)},
		{name: "masstrace, traces in .zst", procs: 2, read: records(f.zst, traces)},
	}
}

// measure reads the file once.
func (w *way) measure() (err error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(w.procs))
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began, used := time.Now(), bench.CPUTime().Seconds()
	w.octets, w.records, err = w.read()
	w.wall = append(w.wall, time.Since(began).Seconds())
	w.cpu = append(w.cpu, bench.CPUTime().Seconds()-used)
	runtime.ReadMemStats(&after)
	w.allocs = append(w.allocs, float64(after.Mallocs-before.Mallocs))
	return err
}

// readRecords reads all records.
func readRecords(path string) (n int, err error) {
	f, err := all.Open(path, nil)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for {
		if _, err := f.Read(); err != nil {
			return n, end(err)
		}
		n++
	}
}

// readLines reads all lines and checks that they are JSON.
func readLines(path string) (octets, n int, err error) {
	in, err := format.OpenInput(path, nil)
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	for r := ndjson.NewReader(in); ; {
		typ, line, err := r.ReadLine()
		if err != nil {
			return octets, n, end(err)
		}
		octets += len(line) + 1
		if typ != ndjson.TypeTraceExt {
			n++
		}
	}
}

// share is the part of the lines that encoding/json reads: one of so many.
const share = 10

// readJSON reads every so many lines, each into a struct with its fields.
func readJSON(path string) (octets, n int, err error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return 0, 0, err
	}
	for lines := bufio.NewReaderSize(in, 1<<20); int64(octets) < info.Size()/share; {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return octets, n, end(err)
		}
		octets += len(line)
		var to any
		switch {
		case bytes.HasPrefix(line, []byte(`{"type":"trace",`)):
			n, to = n+1, new(ndjson.TraceLine)
		case bytes.HasPrefix(line, []byte(`{"type":"trace-ext",`)):
			to = new(ndjson.ExtLine)
		case bytes.HasPrefix(line, []byte(`{"type":"reply",`)):
			n, to = n+1, new(ndjson.ReplyLine)
		default:
			continue
		}
		if err := json.Unmarshal(line, to); err != nil {
			return octets, n, err
		}
	}
	return octets, n, nil
}

// end returns err, nil at the end of a file.
func end(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

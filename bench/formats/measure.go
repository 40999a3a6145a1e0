package main

import (
	"bytes"
	"fmt"
	"io"
	"runtime"

	"github.com/klauspost/compress/zstd"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/record"
)

// result has the figures of a format.
type result struct {
	name          string
	size, packed  int // octets of the file; of it in Zstandard
	records, hops int
	written, read []float64 // s of processor time
	code, tests   int       // lines
}

// measure writes and reads a format some times.
func measure(w *way, traces []*record.Trace, rounds int) (*result, error) {
	r := &result{name: w.name, records: len(traces)}
	for _, t := range traces {
		r.hops += len(t.Hops)
	}
	var file bytes.Buffer
	for range rounds {
		file.Reset()
		runtime.GC()
		began := bench.CPUTime().Seconds()
		if err := w.write(&file, traces); err != nil {
			return nil, err
		}
		if w.measured {
			r.written = append(r.written, bench.CPUTime().Seconds()-began)
		}
	}
	r.size = file.Len()
	pack, err := zstd.NewWriter(nil)
	if err != nil {
		return nil, err
	}
	r.packed = len(pack.EncodeAll(file.Bytes(), nil))
	if !w.reads {
		return r, nil
	}
	for range rounds {
		runtime.GC()
		began := bench.CPUTime().Seconds()
		records, hops, err := read(w.name, file.Bytes())
		if err != nil {
			return nil, err
		}
		r.read = append(r.read, bench.CPUTime().Seconds()-began)
		if hops != r.hops {
			return nil, fmt.Errorf("%d hops were written, and %d read", r.hops, hops)
		}
		r.records = records
	}
	return r, nil
}

// read reads a file, and counts its traces or rows and their hops.
func read(name string, file []byte) (records, hops int, err error) {
	f, err := all.OpenAs(name, "-", bytes.NewReader(file))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	for {
		rec, err := f.Read()
		if err == io.EOF {
			return records, hops, nil
		}
		if err != nil {
			return records, hops, err
		}
		switch r := rec.(type) {
		case *record.Trace:
			records, hops = records+1, hops+len(r.Hops)
		case *record.Reply:
			records, hops = records+1, hops+1
		}
	}
}

package all

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
)

// manyTraces returns the traces of a golden result, many times.
func manyTraces(b *testing.B) (traces []record.Record) {
	b.Helper()
	text, err := os.ReadFile("../../../testdata/output/udp4.ndjson")
	if err != nil {
		b.Fatal(err)
	}
	f, err := New(bytes.NewReader(text))
	if err != nil {
		b.Fatal(err)
	}
	for {
		r, err := f.Read()
		if err != nil {
			break
		}
		if _, ok := r.(*record.Trace); ok {
			for range 2000 {
				traces = append(traces, r)
			}
		}
	}
	return traces
}

// writeAll writes records in a format.
func writeAll(b *testing.B, f format.Format, out io.Writer, records []record.Record) {
	b.Helper()
	w := f.NewWriter(format.Output{Out: out})
	if f.Replies {
		w = format.Rows(w)
	}
	for _, r := range records {
		if err := w.Write(r); err != nil {
			b.Fatal(err)
		}
	}
	var err error
	if e, ok := w.(format.Ender); ok {
		err = e.End()
	}
	if err = errors.Join(err, w.Flush()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkWrite(b *testing.B) {
	traces := manyTraces(b)
	for _, f := range formats {
		if f.NewWriter == nil {
			continue
		}
		b.Run(f.Name, func(b *testing.B) {
			var out bytes.Buffer
			writeAll(b, f, &out, traces)
			b.SetBytes(int64(out.Len()))
			b.ReportAllocs()
			for b.Loop() {
				writeAll(b, f, io.Discard, traces)
			}
			b.ReportMetric(float64(len(traces)*b.N)/b.Elapsed().Seconds(), "traces/s")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	traces := manyTraces(b)
	for _, f := range formats {
		if f.NewWriter == nil || f.NewReader == nil {
			continue
		}
		b.Run(f.Name, func(b *testing.B) {
			var out bytes.Buffer
			writeAll(b, f, &out, traces)
			b.SetBytes(int64(out.Len()))
			b.ReportAllocs()
			for b.Loop() {
				r := f.NewReader(bytes.NewReader(out.Bytes()))
				for {
					if _, err := r.Read(); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(len(traces)*b.N)/b.Elapsed().Seconds(), "traces/s")
		})
	}
}

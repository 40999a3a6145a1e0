package parquet

import (
	"bytes"
	"io"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
)

// benchTraces and benchHops make a million rows.
const (
	benchTraces = 100_000
	benchHops   = 10
)

func BenchmarkWrite(b *testing.B) {
	list := traces(benchTraces, benchHops)
	b.ReportAllocs()
	var size int
	for b.Loop() {
		var out counter
		w := NewWriter(format.Output{Out: &out})
		for _, r := range list {
			if err := w.Write(r); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.End(); err != nil {
			b.Fatal(err)
		}
		size = int(out)
	}
	report(b)
	b.ReportMetric(float64(size), "file-B")
}

func BenchmarkRead(b *testing.B) {
	file := write(b, "", traces(benchTraces, benchHops))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReaderAt(bytes.NewReader(file), int64(len(file)))
		for {
			if _, err := r.Read(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
	report(b)
}

func report(b *testing.B) {
	b.ReportMetric(float64(benchTraces*benchHops*b.N)/b.Elapsed().Seconds(), "rows/s")
}

// counter counts octets.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

package output

import (
	"io"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// TraceRecord and what follows is what the tests of files write and read.
type TraceRecord = record.Trace

var (
	ErrCut     = format.ErrCut
	testConfig = ndjson.Config{Run: "01JX", Hostname: "vp1"}
)

type traceWriter struct{ *ndjson.Writer }

func NewWriter(w io.Writer, c ndjson.Config) traceWriter { return traceWriter{ndjson.NewWriter(w, c)} }

func (w traceWriter) Trace(t *record.Trace) error     { return w.Write(t) }
func (w traceWriter) Summary(s *record.Summary) error { return w.Write(s) }
func (w traceWriter) Reply(head *record.Head, hop *record.Hop) error {
	return w.Write(&record.Reply{Head: *head, Hop: *hop})
}

type reader struct {
	*ndjson.Reader
	io.Closer
}

func OpenReader(path string, stdin io.Reader) (reader, error) {
	in, err := format.OpenInput(path, stdin)
	return reader{ndjson.NewReader(in), in}, err
}

func (r reader) Next() (record.Record, error) { return r.Read() }

func testSummary() *record.Summary { return new(record.Summary) }

// trace16 is a trace of 16 hops, as most are.
func trace16() *record.Trace {
	t := &record.Trace{MaxTTL: 16, Attempts: 1}
	for ttl := range uint8(16) {
		var h record.Hop
		h.TTL, h.Responder, h.Protocol = ttl+1, probe.Addr4From([4]byte{203, 0, 113, ttl * 13}), probe.ProtoICMP
		t.Hops = append(t.Hops, h)
	}
	return t
}

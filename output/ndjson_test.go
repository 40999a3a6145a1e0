package output

import (
	"io"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// What the tests of files write and read.

type TraceRecord = ndjson.TraceRecord

var (
	ErrCut     = ndjson.ErrCut
	testConfig = ndjson.Config{Records: ndjson.Both, Run: "01JX", Hostname: "vp1"}
)

func NewWriter(w io.Writer, c ndjson.Config) *ndjson.Writer { return ndjson.NewWriter(w, c) }

func OpenReader(path string, stdin io.Reader) (*ndjson.Reader, error) {
	return ndjson.OpenReader(path, stdin)
}

func testSummary() *ndjson.Summary { return new(ndjson.Summary) }

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

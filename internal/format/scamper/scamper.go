// Package scamper reads and writes the output of sc_warts2json: traces and tracelbs, one JSON
// object per line. Our NDJSON has all of its fields, so that one decoder reads both.
package scamper

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
)

// Format is lines of JSON. Lines of masstrace have records that scamper does not have.
var Format = format.Format{
	Name:      "scamper",
	Endings:   []string{".scamper.json"},
	Begins:    begins,
	NewReader: func(in io.Reader) format.Reader { return ndjson.NewReader(in) },
	NewWriter: func(o format.Output) format.Writer { return NewWriter(o) },
	Lacks: []string{
		"replies", "the run and its summary", "silent probes", "loops", "contested and limited TTLs", "NAT",
		"distances", "inferred hops", "flow labels", "quoted traffic classes of IPv6", "times below 1 µs", "proofs and kinds of replies",
		"rewritten fields", "sizes above 65535 bytes", "extensions other than MPLS labels",
		format.LacksAnnotations,
		format.LacksBalancers,
	},
}

// types are the types of objects that sc_warts2json writes. Traces and cycles are read.
var types = []string{
	"cycle-start", "cycle-stop", "cycle-def", "list", "trace", "tracelb", "ping", "dealias", "sting", "tbit", "sniff",
	"neighbourdisc", "host", "http", "udpprobe",
}

// first is how each object begins.
const first = `{"type":"`

// begins looks at the type of the first object. If the file is cut in it, its first octets must be
// right.
func begins(head []byte) bool {
	line, _, whole := bytes.Cut(bytes.TrimSpace(head), []byte("\n"))
	typ, err := ndjson.TypeOf(line)
	if err != nil {
		return !whole && len(line) > 0 && (bytes.HasPrefix(line, []byte(first)) || strings.HasPrefix(first, string(line)))
	}
	return slices.Contains(types, typ) && !ndjson.Format.Begins(head)
}

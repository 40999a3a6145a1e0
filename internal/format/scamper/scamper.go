// Package scamper reads and writes the output of sc_warts2json: traces and tracelbs, one JSON
// object per line. Our NDJSON has all of its fields, so that one decoder reads both.
package scamper

import (
	"bytes"
	"io"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
)

// Format is lines of JSON. Those of masstrace are recognised before, by records that scamper
// does not have.
var Format = format.Format{
	Name:      "scamper",
	Endings:   []string{".scamper.json"},
	Begins:    func(head []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) },
	NewReader: func(in io.Reader) format.Reader { return ndjson.NewReader(in) },
	NewWriter: func(o format.Output) format.Writer { return NewWriter(o) },
	Lacks: []string{
		"replies", "the run and its summary", "silent probes", "loops", "contested and limited TTLs", "NAT",
		"distances", "inferred hops", "flow labels", "quoted traffic classes of IPv6", "times below 1 µs", "proofs and kinds of replies",
		"rewritten fields", "sizes above 65535 bytes", "extensions other than MPLS labels",
		format.LacksBalancers,
	},
}

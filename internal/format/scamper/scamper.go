// Package scamper reads the output of sc_warts2json: traces, one JSON object per line.
// masstrace writes the same, so that one decoder reads both.
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
	Begins:    func(head []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) },
	NewReader: func(in io.Reader) format.Reader { return ndjson.NewReader(in) },
}

// Package all lists the formats of result files. A new one is a folder beside this one
// and a line here.
package all

import (
	"io"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/atlas"
	"github.com/masstrace/masstrace/internal/format/caracal"
	"github.com/masstrace/masstrace/internal/format/lists"
	"github.com/masstrace/masstrace/internal/format/mtr"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/format/parquet"
	"github.com/masstrace/masstrace/internal/format/scamper"
	"github.com/masstrace/masstrace/internal/format/traceroute"
	"github.com/masstrace/masstrace/internal/format/warts"
	"github.com/masstrace/masstrace/internal/format/yarrp"
)

// formats are tried in order: the first that a file begins like is its format.
var formats = []format.Format{
	ndjson.Format,
	atlas.Format,
	mtr.Format,
	warts.Format,
	parquet.Format,
	scamper.Format, // any other JSON
	traceroute.Format,
	caracal.Format,
	yarrp.Format, // any other columns
	lists.Interfaces, lists.Links, lists.Answered, lists.Silent,
}

// Open opens a file of results at path, which may be compressed; - means stdin. The
// error wraps format.ErrUnknown if it is of no format.
func Open(path string, stdin io.Reader) (*format.File, error) {
	return format.Open(path, stdin, formats)
}

// New is Open of a stream. Close does not close in.
func New(in io.Reader) (*format.File, error) { return format.New(in, formats) }

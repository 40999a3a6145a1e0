// Package parquet writes and reads results as Apache Parquet files: flat tables of typed columns,
// compressed with zstd, for DuckDB, pandas, polars and ClickHouse.
//
// A file holds one table. The first, hops, has a row for each hop, and repeats the columns of its
// trace. A trace without hops is one row, whose hop columns are null. The table reads back as
// traces.
// The names and units of columns are those of NDJSON. The metadata of a file holds the other
// records as JSON: run, resume, summary, cycle-start and cycle-stop.
//
// parquet-go writes the files. The reader is our own, because a reader must not believe the claims
// of a file. parquet-go makes an array as long as a run claims to be: six bytes of a page can claim
// two thousand million values.
package parquet

import (
	"bytes"
	"io"

	"github.com/masstrace/masstrace/internal/format"
)

// magic is at both ends of every Parquet file.
const magic = "PAR1"

// schema is the version of the tables. Readers refuse others.
const schema = "1"

// Format is Parquet.
var Format = format.Format{
	Name:      "parquet",
	Endings:   []string{".parquet"},
	Binary:    true,
	Begins:    func(head []byte) bool { return bytes.HasPrefix(head, []byte(magic)) },
	NewReader: func(in io.Reader) format.Reader { return NewReader(in) },
	NewWriter: func(o format.Output) format.Writer { return NewWriter(o) },
	Whole:     true,
	Tables:    Tables,
	Lacks: []string{
		format.LacksMultipath + " (table links has their links)",
		"replies beside traces (table replies has them alone)",
		"parts of microseconds of send times",
		"quoted identifications and lengths of hops",
	},
}

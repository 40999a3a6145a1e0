package client

import (
	"context"
	"errors"
	"os"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/merge"
	"github.com/masstrace/masstrace/internal/record"
)

// meta writes the records that Parquet has no place for: the run of each slice with its vantage
// point, multipath records, and one summary. It checks that the segments belong together.
func (s *Segments) meta(ctx context.Context, o Output, path string) (*record.Summary, error) {
	m, err := merge.Prepare(ctx, s.merging("", o))
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	err = m.Write(ctx, others{ndjson.NewWriter(f, ndjson.Config{})})
	if err == nil {
		err = f.Sync()
	}
	return &m.Summary, errors.Join(err, f.Close())
}

// others is a merge.Writer of all records but those that the rows of Parquet files have.
type others struct{ *ndjson.Writer }

// Raw implements merge.Writer.
func (o others) Raw(typ string, line []byte) error {
	switch typ {
	case ndjson.TypeTrace, ndjson.TypeTraceExt, ndjson.TypeReply:
		return nil
	}
	return o.Writer.Raw(typ, line)
}

package merge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/record"
)

// shard has the data of a file before it is copied.
type shard struct {
	path    string // of the file with its run record
	set     *fileset.Set
	run     *record.Run
	fields  map[string]any // of run
	start   record.CycleStart
	stop    record.CycleStop
	summary *record.Summary

	contents contents
}

// survey reads the files of a shard to their ends. seen has the traces of the shards before.
func survey(ctx context.Context, set *fileset.Set, seen *traceSet) (*shard, error) {
	s := &shard{path: set.Lead, set: set, contents: contents{path: set.Lead, seen: seen}}
	err := eachLine(ctx, set, s.take)
	switch {
	case errors.Is(err, fileset.ErrForeign), errors.Is(err, fileset.ErrMissing):
		return nil, fmt.Errorf("%w: %w", ErrShards, err)
	case errors.Is(err, format.ErrCut) || err == nil && s.summary == nil:
		return nil, fmt.Errorf("%w: %w", ErrShards, ErrUnfinished)
	case err != nil:
		return nil, err
	case s.run == nil:
		return nil, fmt.Errorf("%w: it has no run record", ErrShards)
	}
	if err := s.summary.Balance(); err != nil {
		return nil, err
	}
	return s, s.contents.check(s.run.Run, s.summary.Sent, s.summary.Answered)
}

// take takes in a line.
func (s *shard) take(typ string, line []byte) error {
	switch typ {
	case ndjson.TypeTrace, ndjson.TypeTraceExt, ndjson.TypeMultipath, ndjson.TypeReply:
		return s.contents.take(typ, line)
	}
	if err := s.contents.take(typ, line); err != nil {
		return err
	}
	r, err := ndjson.Decode(line)
	if err != nil {
		return err
	}
	switch r := r.(type) {
	case *record.Run:
		if s.run != nil {
			return errors.New("has several run records: it is already merged")
		}
		s.run = r
		return json.Unmarshal(line, &s.fields)
	case *record.Summary:
		s.summary = r
	case *record.CycleStart:
		s.start = *r
	case *record.CycleStop:
		s.stop = *r
	}
	return nil
}

// eachLine hands every line of the files of a shard to take, until ctx ends.
func eachLine(ctx context.Context, set *fileset.Set, take func(typ string, line []byte) error) error {
	r, in, err := set.OpenLines()
	if err != nil {
		return err
	}
	defer in.Close()
	for ctx.Err() == nil {
		typ, line, err := r.ReadLine()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = take(typ, line)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// ownFields are the fields of a run record in which shards of a scan may differ: vantage
// point and pace. New ones are not among them unless they are put here.
var ownFields = []string{
	"run", "tool", "argv", "files", "key_id", "rate_pps", "rate_auto", "burst",
	"vantage", "source", "source6", "link", "io", "senders", "clock", "shard",
}

// differing names the fields in which two run records differ and should not.
func differing(a, b map[string]any) (names []string) {
	for _, m := range []map[string]any{a, b} {
		for name := range m {
			if !slices.Contains(ownFields, name) && !slices.Contains(names, name) && !reflect.DeepEqual(a[name], b[name]) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

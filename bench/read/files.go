package main

import (
	"errors"
	"math/rand/v2"
	"path/filepath"

	"github.com/masstrace/masstrace/bench/imagine"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// files are the paths of the files that are read.
type files struct {
	plain, gz, zst string // traces
	replies        string
}

// makeFiles makes the files, with n traces or replies each.
func makeFiles(dir string, n int) (*files, error) {
	f := &files{}
	for _, one := range []struct {
		path  *string
		name  string
		kinds record.Kinds
	}{
		{&f.plain, "traces.ndjson", record.Traces}, {&f.gz, "traces.ndjson.gz", record.Traces},
		{&f.zst, "traces.ndjson.zst", record.Traces}, {&f.replies, "replies.ndjson", record.Replies},
	} {
		*one.path = filepath.Join(dir, one.name)
		if err := makeFile(*one.path, n, one.kinds); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func makeFile(path string, n int, kinds record.Kinds) error {
	f, err := outfile.Open(path, nil, outfile.Overwrite)
	if err != nil {
		return err
	}
	w := ndjson.NewWriter(f, ndjson.Config{Hostname: "vantage", Run: "01JD0000000000000000000000", Kinds: kinds})
	random := rand.New(rand.NewPCG(1, 2))
	err = w.Write(&record.Run{Run: "01JD0000000000000000000000", Protocol: probe.UDP.String()})
	for range n {
		t := imagine.Trace(random)
		if kinds == record.Replies {
			err = errors.Join(err, w.Write(&record.Reply{Head: t.Head, Hop: t.Hops[random.IntN(len(t.Hops))]}))
		} else {
			err = errors.Join(err, w.Write(t))
		}
	}
	return errors.Join(err, w.Flush(), f.Close())
}

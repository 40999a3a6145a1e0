package merge

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/format/ndjson"
)

// ErrShards is wrapped by errors about files that do not belong together.
var ErrShards = errors.New("not the shards of one scan")

// MergeConfig says what to merge.
type MergeConfig struct {
	// Files are those of the shards, each whole, in any order.
	Files []string
	// Missing are shards whose files may be missing: none, or any.
	Missing Missing
}

// Missing says what becomes of shards without a file.
type Missing int

// The choices.
const (
	RefuseMissing Missing = iota
	AllowMissing
)

// Merging is shards whose heads and ends were read, and belong together. A file
// is read twice: it must not change in between.
type Merging struct {
	Summary ndjson.Summary // of all
	shards  []*shardFile
	start   ndjson.Cycle
	stop    ndjson.Cycle
}

// shardFile is what is known of a file before it is copied.
type shardFile struct {
	path        string
	run         *ndjson.Run
	fields      map[string]any // of run
	start, stop ndjson.Cycle
	summary     *ndjson.Summary
}

// PrepareMerge reads all files, and says if they are not whole or do not belong
// together.
func PrepareMerge(c MergeConfig) (*Merging, error) {
	m := new(Merging)
	for _, path := range c.Files {
		s, err := surveyShard(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		m.shards = append(m.shards, s)
	}
	if len(m.shards) == 0 {
		return nil, fmt.Errorf("%w: no file", ErrShards)
	}
	slices.SortStableFunc(m.shards, func(a, b *shardFile) int { return a.run.Shard[0] - b.run.Shard[0] })
	first := m.shards[0]
	for _, s := range m.shards[1:] {
		if names := differing(first.fields, s.fields); len(names) > 0 {
			return nil, fmt.Errorf("%w: %s and %s differ in %s", ErrShards, first.path, s.path, strings.Join(names, ", "))
		}
	}
	missing, err := m.missing()
	if err != nil {
		return nil, err
	}
	if missing != "" && c.Missing != AllowMissing {
		return nil, fmt.Errorf("%w: of %d shards these are missing: %s", ErrShards, first.run.Shard[1], missing)
	}
	m.sum(missing == "")
	return m, nil
}

// surveyShard reads a file to its end.
func surveyShard(path string) (*shardFile, error) {
	s := &shardFile{path: path}
	err := eachLine(path, func(typ string, line []byte) error {
		record := any(nil)
		switch typ {
		case ndjson.TypeRun:
			if s.run != nil {
				return errors.New("has several run records: it is merged already")
			}
			s.run = new(ndjson.Run)
			if err := json.Unmarshal(line, &s.fields); err != nil {
				return err
			}
			record = s.run
		case ndjson.TypeSummary:
			s.summary = new(ndjson.Summary)
			record = s.summary
		case ndjson.TypeCycleStart:
			record = &s.start
		case ndjson.TypeCycleStop:
			record = &s.stop
		default:
			return nil
		}
		return json.Unmarshal(line, record)
	})
	switch {
	case errors.Is(err, ndjson.ErrCut) || err == nil && s.summary == nil:
		return nil, fmt.Errorf("%w: it has no summary, as its scan was killed", ErrShards)
	case err != nil:
		return nil, err
	case s.run == nil:
		return nil, fmt.Errorf("%w: it has no run record", ErrShards)
	}
	if err := s.summary.Balance(); err != nil {
		return nil, err
	}
	return s, nil
}

// eachLine hands every line of a file to take.
func eachLine(path string, take func(typ string, line []byte) error) error {
	r, err := ndjson.OpenReader(path, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		typ, line, err := r.NextLine()
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
}

// ownFields are those of a run record in which the shards of a scan may differ:
// who runs it, from where and how fast. New ones are not among them unless they
// are put here.
var ownFields = []string{
	"run", "tool", "argv", "key_id", "rate_pps", "rate_auto", "burst",
	"source", "source6", "link", "io", "senders", "clock", "shard",
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

// missing names the shards without a file. An error says that there are two of
// one, or that they are of different sets.
func (m *Merging) missing() (names string, err error) {
	first := m.shards[0]
	byNumber := map[int]*shardFile{}
	for _, s := range m.shards {
		if s.run.Shard[1] != first.run.Shard[1] {
			return "", fmt.Errorf("%w: %s is of %d, and %s of %d", ErrShards, first.path, first.run.Shard[1], s.path, s.run.Shard[1])
		}
		i := s.run.Shard[0]
		if other := byNumber[i]; other != nil {
			return "", fmt.Errorf("%w: %s and %s are both shard %d of %d", ErrShards, other.path, s.path, i+1, s.run.Shard[1])
		}
		byNumber[i] = s
	}
	var list []string
	for i := range first.run.Shard[1] {
		if byNumber[i] == nil {
			list = append(list, fmt.Sprint(i+1))
		}
	}
	return strings.Join(list, ", "), nil
}

// sum adds the summaries up. Shards run side by side, so that the time is that of
// the longest.
func (m *Merging) sum(all bool) {
	first := m.shards[0]
	m.Summary = ndjson.Summary{
		TTLs: first.summary.TTLs, Flows: first.summary.Flows, Complete: all, Reason: ndjson.ReasonDone,
	}
	if !all {
		m.Summary.Reason = ndjson.ReasonShards
	}
	m.start, m.stop = first.start, first.stop
	longest := 0.0
	for _, s := range m.shards {
		m.Summary.Add(s.summary)
		m.Summary.Merged = append(m.Summary.Merged, s.run.Run)
		longest = max(longest, s.summary.ElapsedS)
		if m.Summary.Reason == ndjson.ReasonDone {
			m.Summary.Reason = s.summary.Reason
		}
		m.Summary.Complete = m.Summary.Complete && s.summary.Complete
		m.start.StartTime = min(m.start.StartTime, s.start.StartTime)
		m.stop.StopTime = max(m.stop.StopTime, s.stop.StopTime)
	}
	m.Summary.ElapsedS = longest
}

// Write writes one file of all: a cycle-start, the run and the records of one
// shard after the other, one summary and a cycle-stop.
func (m *Merging) Write(out io.Writer) error {
	first := m.shards[0]
	w := ndjson.NewWriter(out, ndjson.Config{
		Run: first.run.Run, ListName: first.start.ListName, CycleID: first.start.ID, Hostname: first.start.Hostname,
	})
	if err := w.CycleStart(time.Unix(m.start.StartTime, 0)); err != nil {
		return err
	}
	for _, s := range m.shards {
		err := eachLine(s.path, func(typ string, line []byte) error {
			switch typ {
			case ndjson.TypeCycleStart, ndjson.TypeCycleStop, ndjson.TypeSummary:
				return nil
			}
			return w.Raw(line)
		})
		if err != nil {
			return fmt.Errorf("merge %s: %w", s.path, err)
		}
	}
	return errors.Join(w.Summary(&m.Summary), w.CycleStop(time.Unix(m.stop.StopTime, 0)), w.Flush())
}

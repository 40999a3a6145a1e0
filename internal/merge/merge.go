// Package merge puts the files of the shards of a scan into one. Lines are copied as
// they are; of the summaries it makes one, the sum of all.
package merge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/findings"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
)

// ErrUnfinished is wrapped by errors about a file that ends before its summary.
var ErrUnfinished = errors.New("it has no summary, because its scan was killed")

// ErrShards is wrapped by errors about files that do not belong together.
var ErrShards = errors.New("not the shards of one scan")

// Config describes a merge.
type Config struct {
	// Files are those of the shards, each whole, in any order. A shard may have a set of
	// several files. A file is read twice.
	Files []string
	// Missing are shards whose files may be missing: none, or any.
	Missing Missing
	// Points is how the vantage points of a fleet divide the shards.
	Points Points

	Output string // file that Run writes, or - for Stdout
	Table  string // of Output, if its format has several; "" is the first one
	// ReplyOutput and MetaOutput are files as those of a scan; "" for none.
	ReplyOutput, MetaOutput string
	Stdout                  io.Writer
	// Existing is the rule for existing files of these.
	Existing outfile.Existing
	// Notice gets a sentence about the parts of the results that the output has no place for. It may
	// be nil.
	Notice func(text string)
}

// paths returns the files of the results.
func (c *Config) paths() fileset.Paths {
	return fileset.Paths{Output: c.Output, Table: c.Table, Replies: c.ReplyOutput, Meta: c.MetaOutput}
}

// lacks returns a sentence about the parts of the shards that the output has no place for, "" if
// there are none.
func (m *Merging) lacks(paths fileset.Paths) string {
	kinds := record.Traces
	for _, s := range m.shards {
		if s.contents.replies > 0 {
			kinds |= record.Replies
		}
		if s.contents.multipaths > 0 {
			kinds |= record.Multipaths
		}
		paths.Annotated = paths.Annotated || len(s.run.Databases) > 0
	}
	return paths.Lacks(kinds)
}

// Missing decides about shards without a file.
type Missing int

// The choices.
const (
	RefuseMissing Missing = iota
	AllowMissing
)

// Points is how several vantage points divide the shards of a scan.
type Points int

// The choices.
const (
	OneSet  Points = iota // each shard is there once
	EachSet               // each vantage point has all shards, perhaps of targets of its own
)

// Merging is shards whose heads and ends were read, and belong together. The files must
// not change before Write.
type Merging struct {
	Summary record.Summary // of all; its findings are there after Write
	names   *record.Files  // of the output
	shards  []*shard
	points  Points
	start   record.CycleStart
	stop    record.CycleStop
}

// Prepare reads all files. An error names a file that is not whole, or does not belong
// to the others. It is that of ctx if ctx ends first.
func Prepare(ctx context.Context, c Config) (*Merging, error) {
	m, seen := &Merging{names: c.paths().Names(), points: c.Points}, newTraceSet()
	sets, err := fileset.Group(c.Files)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrShards, err)
	}
	for _, set := range sets {
		own := seen
		if c.Points == EachSet { // several vantage points trace the same targets; the ledger keeps apart what each has done
			own = newTraceSet()
		}
		s, err := survey(ctx, set, own)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set.Lead, err)
		}
		m.shards = append(m.shards, s)
	}
	if len(m.shards) == 0 {
		return nil, fmt.Errorf("%w: no file", ErrShards)
	}
	slices.SortStableFunc(m.shards, func(a, b *shard) int {
		return cmp.Or(strings.Compare(m.pointOf(a), m.pointOf(b)), a.run.Shard[0]-b.run.Shard[0])
	})
	first := m.shards[0]
	for _, s := range m.shards[1:] {
		names := differing(first.fields, s.fields)
		if m.pointOf(first) != m.pointOf(s) {
			names = slices.DeleteFunc(names, func(name string) bool { return name == "targets_sha256" })
		}
		if len(names) > 0 {
			return nil, fmt.Errorf("%w: %s and %s differ in %s", ErrShards, first.path, s.path, strings.Join(names, ", "))
		}
	}
	missing, err := m.missing()
	if err != nil {
		return nil, err
	}
	if seen.twice != nil {
		return nil, seen.twice
	}
	if missing != "" && c.Missing != AllowMissing {
		return nil, fmt.Errorf("%w: of %d shards these are missing: %s", ErrShards, first.run.Shard[1], missing)
	}
	m.sum(missing == "")
	return m, nil
}

// mostNamed is how many missing shards an error names.
const mostNamed = 10

// pointOf returns the vantage point by which shards are told apart, "" if they are one set.
func (m *Merging) pointOf(s *shard) string {
	if m.points == OneSet || s.run.Vantage == nil {
		return ""
	}
	return s.run.Vantage.Name
}

// missing names the shards without a file, for each vantage point.
func (m *Merging) missing() (names string, err error) {
	var list []string
	for rest := m.shards; len(rest) > 0; {
		point := m.pointOf(rest[0])
		n := slices.IndexFunc(rest, func(s *shard) bool { return m.pointOf(s) != point })
		if n < 0 {
			n = len(rest)
		}
		text, err := missingOf(rest[:n])
		if err != nil {
			return "", err
		}
		if text != "" {
			list = append(list, strings.TrimPrefix(point+": "+text, ": "))
		}
		rest = rest[n:]
	}
	return strings.Join(list, "; "), nil
}

// missingOf names the shards of a set without a file: the first of them, and how many more there
// are. Its time and memory depend on the number of files, not on the number of shards that a file
// claims. It returns an error if a shard is there twice, or if shards are of different sets.
func missingOf(shards []*shard) (names string, err error) {
	first := shards[0]
	of := max(first.run.Shard[1], 1) // 0 where a scan is not cut into shards
	var list []string
	next := 0 // the shard that should come now
	for i, s := range shards {
		n := s.run.Shard[0]
		switch {
		case s.run.Shard[1] != first.run.Shard[1]:
			return "", fmt.Errorf("%w: %s is of %d, and %s of %d", ErrShards, first.path, of, s.path, s.run.Shard[1])
		case n < 0 || n >= of:
			return "", fmt.Errorf("%w: %s is shard %d of %d", ErrShards, s.path, n+1, of)
		case n < next:
			return "", fmt.Errorf("%w: %s and %s are both shard %d of %d", ErrShards, shards[i-1].path, s.path, n+1, of)
		}
		list = appendNumbers(list, next, n)
		next = n + 1
	}
	list = appendNumbers(list, next, of)
	if more := of - len(shards) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, ", "), nil
}

// appendNumbers appends the numbers for people of the shards from one to before another,
// while the list has room.
func appendNumbers(list []string, from, to int) []string {
	for i := from; i < to && len(list) < mostNamed; i++ {
		list = append(list, fmt.Sprint(i+1))
	}
	return list
}

// sum adds the summaries up. Shards run side by side, so that the time is that of the longest.
// Slices of a fleet come one after another, so that the time is that from the first begin to the
// last end.
func (m *Merging) sum(all bool) {
	sum := &m.Summary
	sum.Complete, sum.Reason = all, record.ReasonDone
	if !all {
		sum.Reason = record.ReasonShards
	}
	first := m.shards[0]
	sum.Run = first.run.Run
	m.start, m.stop = first.start, first.stop
	sum.LeftOut = first.summary.LeftOut // of the lists, which all shards share
	longest := 0.0
	for _, s := range m.shards {
		sum.Account.Add(&s.summary.Account)
		sum.Merged = append(sum.Merged, s.run.Run)
		longest = max(longest, s.summary.ElapsedS)
		if sum.Reason == record.ReasonDone {
			sum.Reason = s.summary.Reason
		}
		sum.Complete = sum.Complete && s.summary.Complete
		m.start.Time = min(m.start.Time, s.start.Time)
		m.stop.Time = max(m.stop.Time, s.stop.Time)
	}
	if first.run.Vantage != nil {
		longest = max(longest, float64(m.stop.Time-m.start.Time))
	}
	sum.ElapsedS = longest
}

// Writer writes the merged records.
type Writer interface {
	format.Writer
	// Raw writes a whole line of that type as it is.
	Raw(typ string, line []byte) error
}

// Write writes one file of all: a cycle-start, the run and the records of one shard after
// the other, one summary and a cycle-stop. When ctx ends it returns the error of ctx, and
// its output is incomplete.
func (m *Merging) Write(ctx context.Context, w Writer) error {
	if err := w.Write(&m.start); err != nil {
		return err
	}
	found := finder{counter: findings.New()}
	for _, s := range m.shards {
		err := eachLine(ctx, s.set, func(typ string, line []byte) error {
			switch {
			case typ == ndjson.TypeCycleStart, typ == ndjson.TypeCycleStop, typ == ndjson.TypeSummary:
				return nil
			case typ == ndjson.TypeRun && (s.run.Files != nil || m.names != nil):
				about := *s.run
				about.Files = m.names
				return w.Write(&about)
			}
			if err := found.line(typ, line); err != nil {
				return err
			}
			return w.Raw(typ, line)
		})
		if err != nil {
			return fmt.Errorf("merge %s: %w", s.path, err)
		}
	}
	m.Summary.Findings = found.findings()
	return errors.Join(w.Write(&m.Summary), w.Write(&m.stop), w.Flush())
}

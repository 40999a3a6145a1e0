package fileset

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/record"
)

// Set is the files of one run.
type Set struct {
	Lead   string   // file that has the run record, and names the set
	Others []string // files of its other records
}

// OpenLines opens a reader of the lines of the set, as if it were one file.
func (s *Set) OpenLines() (*ndjson.Reader, io.Closer, error) {
	if len(s.Others) == 0 {
		in, err := format.OpenInput(s.Lead, nil)
		if err != nil {
			return nil, nil, err
		}
		return ndjson.NewReader(in), in, nil
	}
	list, err := openParts(append([]string{s.Lead}, s.Others...), nil)
	if err != nil {
		return nil, nil, err
	}
	return ndjson.ReadFrom(newJoin(list[0], list[1:])), list, nil
}

// Group finds the sets among files of several runs, in the order of their leads. Replies name their
// run. Traces do not: the target of the first trace finds the set, in its first trace-ext record. No two
// shards of a scan have a target in common. Files without a line are found by their names.
func Group(paths []string) ([]*Set, error) {
	sets, orphans, err := GroupSome(paths)
	if len(orphans) > 0 {
		return nil, fmt.Errorf("%w: the run record and the summary of %s are in another file; give it, too", ErrMissing, orphans[0])
	}
	return sets, err
}

// GroupSome is Group of files that need not be of a run: orphans are those that have no run record,
// and belong to no set.
func GroupSome(paths []string) (sets []*Set, orphans []string, err error) {
	var leads []*lead
	var others []*other
	for _, path := range paths {
		p, err := openPart(path, nil)
		if err != nil {
			return nil, nil, err
		}
		switch typ := p.peek(); {
		case typ == ndjson.TypeTrace, typ == ndjson.TypeReply, typ == "" && p.err == io.EOF:
			others = append(others, newOther(p))
		default:
			leads = append(leads, newLead(p))
		}
		_ = p.in.Close() // its readers report a file that is cut
	}
	for _, o := range others {
		l := o.of(leads)
		if l == nil {
			orphans = append(orphans, o.path)
			continue
		}
		l.set.Others = append(l.set.Others, o.path)
	}
	for _, l := range leads {
		err = errors.Join(err, l.whole())
		sets = append(sets, &l.set)
	}
	return sets, orphans, err
}

// Lists is GroupSome, as a list of the files of each run with the lead first. Each orphan is a list of
// its own.
func Lists(paths []string) (lists [][]string, err error) {
	sets, orphans, err := GroupSome(paths)
	if err != nil {
		return nil, err
	}
	for _, s := range sets {
		lists = append(lists, append([]string{s.Lead}, s.Others...))
	}
	for _, path := range orphans {
		lists = append(lists, []string{path})
	}
	return lists, nil
}

// Sort puts lists of files in the order in which paths has the first file of each.
func Sort[L any](lists []L, files func(L) []string, paths []string) {
	place := map[string]int{} // of the first mention of each path
	for i, path := range slices.Backward(paths) {
		place[path] = i
	}
	first := func(l L) int {
		at := len(paths)
		for _, path := range files(l) {
			at = min(at, place[path])
		}
		return at
	}
	slices.SortStableFunc(lists, func(a, b L) int { return cmp.Compare(first(a), first(b)) })
}

// lead is a file with a run record.
type lead struct {
	set  Set
	run  record.Run
	path string // of the first trace whose record is in another file, "" if there is none
}

// newLead reads a file until it is known whether the traces are in it. Files that are no results
// are left to their readers.
func newLead(p *part) *lead {
	l := &lead{set: Set{Lead: p.path}}
	for !p.ended() {
		switch p.peek() {
		case ndjson.TypeRun:
			if ndjson.CheckCrowd(p.line) == nil { // else a reader returns the error
				_ = json.Unmarshal(p.line, &l.run)
			}
		case ndjson.TypeTrace, ndjson.TypeReply, ndjson.TypeSummary:
			return l
		case ndjson.TypeTraceExt:
			l.path, _ = ndjson.PathOf(p.line)
			return l
		}
		p.take()
	}
	return l
}

// whole returns an error if the run wrote more files than the set has.
func (l *lead) whole() error {
	f := l.run.Files
	if f == nil {
		return nil
	}
	want := 0
	names := []string{f.Output}
	for _, name := range []string{f.Replies, f.Meta} {
		if name != "" {
			want++
			names = append(names, name)
		}
	}
	if f.Output == "" { // of a library's run
		want--
	}
	if got := len(l.set.Others); got != want {
		return fmt.Errorf("%w: the run of %s wrote the files %s; give all of them", ErrMissing, l.set.Lead, strings.Join(names, ", "))
	}
	return nil
}

// other is a file without a run record.
type other struct {
	path  string
	run   string // of its first reply
	trace string // path of its first trace
	empty bool
}

func newOther(p *part) *other {
	o := &other{path: p.path, empty: p.ended()}
	switch p.peek() {
	case ndjson.TypeReply:
		var reply struct {
			Run string `json:"run"`
		}
		_ = json.Unmarshal(p.line, &reply)
		o.run = reply.Run
	case ndjson.TypeTrace:
		o.trace, _ = ndjson.PathOf(p.line)
	}
	return o
}

// of returns the lead of the set that the file belongs to, nil if there is none.
func (o *other) of(leads []*lead) *lead {
	name := filepath.Base(o.path)
	for _, l := range leads {
		f := l.run.Files
		switch {
		case o.run != "" && o.run == l.run.Run, o.trace != "" && o.trace == l.path,
			o.empty && f != nil && (name == f.Output || name == f.Replies):
			return l
		}
	}
	return nil
}

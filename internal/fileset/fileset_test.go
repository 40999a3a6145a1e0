package fileset

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// sample writes a run of two windows with a resume between them: from target first on.
func sample(t *testing.T, p Paths, run string, first byte) {
	t.Helper()
	f, err := Create(p, nil, outfile.Keep)
	if err != nil {
		t.Fatal(err)
	}
	w := f.Writer(ndjson.Config{Run: run, Hostname: "vp"})
	write := func(r record.Record) {
		t.Helper()
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	head := func(i byte) (h record.Head) {
		h.Source, h.Target = probe.Addr4From([4]byte{192, 0, 2, 1}), probe.Addr4From([4]byte{198, 51, 100, first + i})
		return h
	}
	hop := func(at int64) (h record.Hop) {
		h.TTL, h.Responder, h.Protocol, h.Stamp = 1, probe.Addr4From([4]byte{203, 0, 113, 1}), probe.ProtoICMP, at
		return h
	}
	write(&record.CycleStart{})
	write(&record.Run{Run: run, Protocol: "udp", Files: p.Names()})
	const resumed = int64(1_700_000_000_000_000_000)
	for i, at := range []int64{resumed - 1e9, resumed + 1e9} {
		if i == 1 {
			write(&record.Resume{Run: run, TimeUs: resumed / 1000, Windows: 1})
		}
		write(&record.Trace{Head: head(byte(i)), FirstTTL: 1, MaxTTL: 1, Hops: []record.Hop{hop(at)}})
		write(&record.Multipath{Target: head(byte(i)).Target})
		write(&record.Reply{Head: head(byte(i)), Hop: hop(at)}) // where a set has it
	}
	write(&record.Summary{Run: run})
	write(&record.CycleStop{})
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// linesOf returns the lines of a reader, without the names of files.
func linesOf(t *testing.T, r *ndjson.Reader) (list []string) {
	t.Helper()
	for {
		_, line, err := r.ReadLine()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		text := string(line)
		if i := strings.Index(text, `,"files":`); i >= 0 {
			text = text[:i] + "}"
		}
		list = append(list, text)
	}
}

// A set in any order reads as the one file does, and each file has its types of lines alone.
func TestSets(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	sample(t, Paths{Output: in("one")}, "R", 1)
	one, c, err := (&Set{Lead: in("one")}).OpenLines()
	if err != nil {
		t.Fatal(err)
	}
	want := linesOf(t, one)
	c.Close()
	for _, tt := range []struct {
		name  string
		paths Paths
		types map[string][]string // in each file
	}{
		{"all", Paths{Output: in("a"), Replies: in("a.replies.zst"), Meta: in("a.meta.gz")}, map[string][]string{
			in("a"): {"trace"}, in("a.replies.zst"): {"reply"},
			in("a.meta.gz"): {"cycle-start", "cycle-stop", "multipath", "resume", "run", "summary", "trace-ext"},
		}},
		{"meta", Paths{Output: in("b"), Meta: in("b.meta")}, map[string][]string{
			in("b"): {"reply", "trace"}, in("b.meta"): {"cycle-start", "cycle-stop", "multipath", "resume", "run", "summary", "trace-ext"},
		}},
		{"replies", Paths{Output: in("c"), Replies: in("c.replies")}, map[string][]string{
			in("c"): {"cycle-start", "cycle-stop", "multipath", "resume", "run", "summary", "trace", "trace-ext"}, in("c.replies"): {"reply"},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sample(t, tt.paths, "R", 1)
			paths, _ := tt.paths.lines()
			for range paths { // every order but mirrored ones
				paths = append(paths[1:], paths[0])
				sets, err := Group(paths)
				if err != nil || len(sets) != 1 {
					t.Fatalf("Group(%v) = %v, %v", paths, sets, err)
				}
				r, c, err := sets[0].OpenLines()
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, linesOf(t, r)); diff != "" {
					t.Errorf("%v (-one file +set):\n%s", paths, diff)
				}
				c.Close()
				checkTraces(t, paths)
			}
			for path, types := range tt.types {
				r, c, err := (&Set{Lead: path}).OpenLines()
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, line := range linesOf(t, r) {
					typ, _ := ndjson.TypeOf([]byte(line))
					got = append(got, typ)
				}
				c.Close()
				slices.Sort(got)
				if diff := cmp.Diff(types, slices.Compact(got)); diff != "" {
					t.Errorf("%s: %s", path, diff)
				}
			}
		})
	}
}

// checkTraces checks that the traces of a set have their trace-ext records.
func checkTraces(t *testing.T, paths []string) {
	t.Helper()
	f, err := Open(paths, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	traces := 0
	for {
		r, err := f.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if trace, ok := r.(*record.Trace); ok {
			traces++
			if trace.Bare {
				t.Errorf("%v: a trace without its trace-ext record", paths)
			}
		}
	}
	if traces != 2 {
		t.Errorf("%v: %d traces", paths, traces)
	}
}

// Files of several runs are told apart, and a missing or foreign one is named.
func TestGroup(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for i, name := range []string{"a", "b"} {
		sample(t, Paths{Output: in(name), Replies: in(name + ".replies"), Meta: in(name + ".meta")}, strings.ToUpper(name), byte(1+10*i))
	}
	for _, name := range []string{"a.replies", "nothing"} { // as of a run without replies
		if err := os.WriteFile(in("empty."+name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sets, err := Group([]string{in("b.replies"), in("a"), in("b.meta"), in("b"), in("a.meta"), in("a.replies")})
	if err != nil || len(sets) != 2 {
		t.Fatalf("Group = %v, %v", sets, err)
	}
	want := []*Set{{in("b.meta"), []string{in("b.replies"), in("b")}}, {in("a.meta"), []string{in("a"), in("a.replies")}}}
	if diff := cmp.Diff(want, sets); diff != "" {
		t.Error(diff)
	}
	for _, tt := range []struct {
		files []string
		names []string // in the error
	}{
		{[]string{"a"}, []string{in("a"), "run record"}},
		{[]string{"a", "b.meta", "b", "b.replies"}, []string{in("a"), "run record"}},
		{[]string{"a.meta", "a"}, []string{"a, a.replies, a.meta", "give all"}},
		{[]string{"a.meta", "a.replies"}, []string{"a, a.replies, a.meta"}},
		{[]string{"a.meta", "a", "a.replies", "empty.nothing"}, []string{in("empty.nothing")}},
	} {
		var paths []string
		for _, name := range tt.files {
			paths = append(paths, in(name))
		}
		_, err := Group(paths)
		for _, name := range tt.names {
			if !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), name) {
				t.Errorf("Group(%v) = %v, want %q", tt.files, err, name)
			}
		}
	}
}

// Files that do not belong together end the reading.
func TestForeign(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for i, name := range []string{"a", "b"} {
		sample(t, Paths{Output: in(name), Replies: in(name + ".replies"), Meta: in(name + ".meta")}, strings.ToUpper(name), byte(1+10*i))
	}
	text, err := os.ReadFile(in("a"))
	if err != nil {
		t.Fatal(err)
	}
	half := text[:strings.Index(string(text), "\n")+1]
	if err := errors.Join(os.WriteFile(in("a.cut"), half, 0o600), os.WriteFile(in("a.more"), append(text, half...), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		files []string
		want  error
	}{
		{[]string{"a", "b.meta"}, ErrForeign},
		{[]string{"a.more", "a.meta"}, ErrForeign},
		{[]string{"a", "a.meta", "b.replies"}, ErrForeign},
		{[]string{"a.meta", "b.meta"}, ErrForeign},
		{[]string{"a", "b"}, ErrForeign},
		{[]string{"a", "a.replies"}, ErrMissing},
		{[]string{"a.cut", "a.meta"}, format.ErrCut},
	} {
		var paths []string
		for _, name := range tt.files {
			paths = append(paths, in(name))
		}
		f, err := Open(paths, nil)
		for err == nil {
			_, err = f.Read()
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%v: %v, want %v", tt.files, err, tt.want)
		}
	}
}

// Pieces of one file are no files of a run, and the message is about pieces.
func TestPieces(t *testing.T) {
	const (
		begin = `{"type":"cycle-start","id":1}` + "\n"
		trace = `{"type":"trace","dst":"198.51.100.1","hops":[]}` + "\n"
		ext   = `{"type":"trace-ext","dst":"198.51.100.1"}` + "\n"
	)
	for _, texts := range [][]string{{begin + trace, ext + trace}, {begin, trace + ext, trace + ext}, {begin, trace, ext}} {
		dir := t.TempDir()
		var paths []string
		for i, text := range texts {
			paths = append(paths, filepath.Join(dir, string(rune('a'+i))))
			if err := os.WriteFile(paths[i], []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(paths, nil); !errors.Is(err, ErrForeign) || !strings.Contains(err.Error(), "pieces of one file") {
			t.Errorf("%q: %v", texts, err)
		}
	}
}

// A set is cut at its marks only if every file is that of its mark.
func TestReopen(t *testing.T) {
	dir := t.TempDir()
	p := Paths{Output: filepath.Join(dir, "out"), Replies: filepath.Join(dir, "replies"), Meta: filepath.Join(dir, "meta")}
	f, err := Create(p, nil, outfile.Keep)
	if err != nil {
		t.Fatal(err)
	}
	w := f.Writer(ndjson.Config{Run: "R"})
	if err := errors.Join(w.Write(&record.Run{Run: "R"}), w.Flush()); err != nil {
		t.Fatal(err)
	}
	marks, err := f.Mark() // of two empty files, too
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other")
	for _, path := range []string{p.Output, p.Replies, p.Meta, other} {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.WriteString("later")
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, wrong := range []Paths{{Output: other, Replies: p.Replies, Meta: p.Meta}, {Output: p.Output, Replies: other, Meta: p.Meta}, {Output: p.Output, Replies: p.Replies, Meta: other}, {Output: p.Replies, Replies: p.Output, Meta: p.Meta}} {
		if _, err := Reopen(wrong, marks); err == nil {
			t.Errorf("Reopen(%v) is no error", wrong)
		}
		for _, path := range []string{p.Output, p.Replies, p.Meta, other} {
			if text, _ := os.ReadFile(path); !strings.HasSuffix(string(text), "later") {
				t.Errorf("Reopen(%v) has cut %s", wrong, path)
			}
		}
	}
	if f, err = Reopen(p, marks); err != nil {
		t.Fatal(err)
	}
	for i, path := range []string{p.Output, p.Replies, p.Meta} {
		if info, err := os.Stat(path); err != nil || info.Size() != marks[i].Offset {
			t.Errorf("%s has %v, %v; want %d bytes", path, info, err, marks[i].Offset)
		}
	}
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
}

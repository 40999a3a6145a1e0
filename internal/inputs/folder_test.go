package inputs

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/parquet"
)

// A folder stands for its files of results, without Parquet files that have no traces.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, write func(*os.File) error) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(path)
		if err == nil {
			err = write(f)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	table := func(name string) func(*os.File) error {
		return func(f *os.File) error { return parquet.NewWriter(format.Output{Out: f, Table: name}).End() }
	}
	text := func(f *os.File) error { _, err := f.WriteString("{}\n"); return err }
	want := []string{
		put("run=1/meta.ndjson", text), put("run=1/vantage_point=b/hops.parquet", table("hops")), put("run=1/vantage_point=c/x.ndjson.zst", text),
		put("run=1/vantage_point=d/damaged.parquet", text),
	}
	put("run=1/vantage_point=b/links.parquet", table("links"))
	put("run=1/job.json", text)
	put("notes.txt", text)
	got, err := Files([]string{"-", dir, "missing"})
	if err != nil || !slices.Equal(got, slices.Concat([]string{"-"}, want, []string{"missing"})) {
		t.Errorf("Files = %q, %v", got, err)
	}
	if _, err := Files([]string{t.TempDir()}); err == nil {
		t.Error("an empty folder has results")
	}
}

// The pieces of a file are one set in the order of their numbers, and files that begin as results do
// stay alone.
func TestPieces(t *testing.T) {
	const head, trace = `{"type":"cycle-start","id":1}` + "\n", `{"type":"trace","dst":"192.0.2.1"}` + "\n"
	dir := t.TempDir()
	for name, text := range map[string]string{
		"x.ndjson.2": trace, "x.ndjson.10": trace, "x.ndjson.0": head + trace,
		"y.aa": head + trace[:9], "y.ab": trace[9:] + trace,
		"run.1": head + trace, "run.2": head + trace, // two scans
		"out.1": trace, "out.2": trace, // traces of two scans, whose other records are elsewhere
		"all.1": trace + trace[:9], "all.2": trace[9:] + trace, "all.3": trace, // pieces of such a file
		"z": head,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got [][]string
	for _, g := range pieces([]string{
		"-", dir + "/x.ndjson.10", dir + "/y.ab", dir + "/x.ndjson.0", dir + "/run.1", dir + "/out.1", dir + "/y.aa", dir + "/run.2", dir + "/x.ndjson.2", dir + "/out.2", dir + "/z", dir + "/all.3", dir + "/all.2", dir + "/all.1",
	}) {
		for i := range g.paths {
			g.paths[i] = filepath.Base(g.paths[i])
		}
		got = append(got, g.paths)
		if first := g.paths[0]; g.cut != (first == "y.aa" || first == "all.1") {
			t.Errorf("%s begins pieces that are cut: %v", first, g.cut)
		}
	}
	want := [][]string{{"-"}, {"x.ndjson.0", "x.ndjson.2", "x.ndjson.10"}, {"run.1"}, {"out.1"}, {"y.aa", "y.ab"}, {"run.2"}, {"out.2"}, {"z"}, {"all.1", "all.2", "all.3"}}
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Matching(dir + "/x.ndjson.?"); len(got) != 2 {
		t.Errorf("a pattern has the files %q", got)
	}
	if got := Matching(dir + "/none.*"); len(got) != 1 {
		t.Errorf("a pattern without a file has %q", got)
	}
}

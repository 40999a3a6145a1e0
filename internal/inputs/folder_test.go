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
	if names := Points(dir); !slices.Equal(names, []string{"b", "c", "d"}) {
		t.Errorf("Points = %q", names)
	}
	if _, err := Files([]string{t.TempDir()}); err == nil {
		t.Error("an empty folder has results")
	}
}

package query

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/run"
)

// packed returns a text as compressed files have it.
func packed(t *testing.T, how, text string) string {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch how {
	case "gz":
		w := gzip.NewWriter(&b)
		_, err = w.Write([]byte(text[:len(text)/2]))
		err = errors.Join(err, w.Flush()) // a cut after it leaves the first half
		_, more := w.Write([]byte(text[len(text)/2:]))
		err = errors.Join(err, more, w.Close())
	case "zst":
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(w.EncodeAll([]byte(text), nil))
	default:
		return text
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// records returns n records, as a file of results has them.
func records(n int) string {
	text := meta
	for i := range n {
		text += fmt.Sprintf(`{"type":"trace","dst":"192.0.2.%d"}`+"\n", i)
	}
	return text
}

// Pieces that begin within a record are one file for duckdb, and so are files whose compression it
// does not have or does not find.
func TestCopies(t *testing.T) {
	whole := records(200)
	for _, tt := range []struct {
		name, packing string
		files         []string // the content is split over them in equal parts
		copied        bool
	}{
		{"plain", "", []string{"x.ndjson"}, false},
		{"gz", "gz", []string{"x.ndjson.gz"}, false},
		{"zst", "zst", []string{"x.ndjson.zst"}, false},
		{"pieces within records", "", []string{"x.ndjson.0", "x.ndjson.1", "x.ndjson.2"}, true},
		{"pieces of gz", "gz", []string{"x.ndjson.gz.0", "x.ndjson.gz.1", "x.ndjson.gz.2"}, true},
		{"pieces of zst", "zst", []string{"x.aa", "x.ab"}, true},
		{"gz without its ending", "gz", []string{"x.ndjson"}, true},
		{"ending of gz on plain text", "", []string{"x.ndjson.gz"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir, text := t.TempDir(), packed(t, tt.packing, whole)
			var paths []string
			for i, name := range tt.files {
				paths = append(paths, file(t, dir, name, text[i*len(text)/len(tt.files):(i+1)*len(text)/len(tt.files)]))
			}
			c := &copies{ctx: context.Background(), folder: t.TempDir()}
			s, err := found(paths, c)
			if err != nil || len(s.lines) != 1 {
				t.Fatalf("%d files, %v", len(s.lines), err)
			}
			if copied := s.lines[0] != paths[0]; copied != tt.copied {
				t.Errorf("copied: %v", copied)
			}
			content, err := os.ReadFile(s.lines[0])
			if err != nil {
				t.Fatal(err)
			}
			if got := unpacked(t, content, outfile.Packing(s.lines[0])); got != whole {
				t.Errorf("the content has %d octets, want %d", len(got), len(whole))
			}
			if message := c.rename("in " + s.lines[0]); !strings.Contains(message, paths[0]) {
				t.Errorf("a message names %s", message)
			}
		})
	}
}

// found finds the sources of a query, with its copies.
func found(paths []string, c *copies) (*sources, error) {
	s, err := find(paths)
	if err != nil {
		return nil, err
	}
	return s, s.copyInto(c)
}

// unpacked returns the content of a file whose name has the ending of a compression.
func unpacked(t *testing.T, content []byte, ending string) string {
	t.Helper()
	if got := outfile.PackingOf(content); got != ending {
		t.Fatalf("the content is %q, and the name is %q", got, ending)
	}
	in, _, err := outfile.Decompress(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// If the last pieces of a compressed file are missing, the rows are those of the others, and the
// result is incomplete. Pieces of other files are refused.
func TestCutPieces(t *testing.T) {
	text := packed(t, "gz", records(200))
	quarter := len(text) / 4
	dir := t.TempDir()
	paths := []string{file(t, dir, "x.gz.0", text[:quarter]), file(t, dir, "x.gz.1", text[quarter:3*quarter])}
	err := Run(context.Background(), Config{Files: paths, SQL: "SELECT 1", Program: program(t, echo), Stdout: &strings.Builder{}})
	if _, ok := errors.AsType[*run.Incomplete](err); !ok || !strings.Contains(err.Error(), "x.gz.0") {
		t.Errorf("a piece is missing: %v", err)
	}
	for _, begin := range []string{"PAR1", "\x12\x05\x00\x01"} {
		paths := []string{file(t, dir, "y.0", begin+strings.Repeat("\x00", 50)), file(t, dir, "y.1", "\x01\x02\x03")}
		_, err := found(paths, &copies{ctx: context.Background(), folder: t.TempDir()})
		if _, ok := errors.AsType[*outfile.RefusedError](err); !ok {
			t.Errorf("%q: %v", begin, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := found(paths, &copies{ctx: ctx, folder: dir}); !errors.Is(err, run.ErrInterrupted) {
		t.Errorf("interrupted: %v", err)
	}
}

package merge

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// brokenWriter fails at every Write.
type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("a full disk") }

func TestRun(t *testing.T) {
	shards := writeShards(t)
	output := filepath.Join(t.TempDir(), "all.ndjson")
	sum, err := Run(t.Context(), Config{Files: shards, Output: output})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(output)
	if err != nil || len(sum.Merged) != len(shards) || bytes.Count(text, []byte(`"type":"summary"`)) != 1 {
		t.Errorf("%v, merged %v:\n%.300s", err, sum.Merged, text)
	}
}

// Files that Run refuses stay the same, and no file is made.
func TestRunRefuses(t *testing.T) {
	shards := writeShards(t)
	dir := filepath.Dir(shards[0])
	link := filepath.Join(dir, "link")
	if err := os.Link(shards[1], link); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name   string
		files  []string
		output string
		want   error // nil for another one
		text   string
	}{
		{"standard input", []string{"-"}, "-", ErrTwice, "standard input"},
		{"a folder", []string{dir}, "-", ErrTwice, dir + " is not a file"},
		{"no such file", []string{dir + "/none"}, "-", os.ErrNotExist, "none"},
		{"the output among the files", shards, shards[0], nil, "name the same file"},
		{"by another name", shards, link, nil, "name the same file"},
		{"a shard twice", append(shards, shards[0]), dir + "/new", ErrShards, "both shard"},
	}
	for _, tt := range tests {
		_, err := Run(t.Context(), Config{Files: tt.files, Output: tt.output})
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want %v with %q", tt.name, err, tt.want, tt.text)
		}
	}
	if _, err := os.Stat(dir + "/new"); !os.IsNotExist(err) {
		t.Errorf("a file was made: %v", err)
	}
	if _, err := Run(ended, Config{Files: shards, Output: dir + "/new"}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
	_, err := Run(t.Context(), Config{Files: shards, Output: "-", Stdout: brokenWriter{}})
	if partial := new(run.Incomplete); !errors.As(err, &partial) || !strings.HasPrefix(err.Error(), "output failed: ") {
		t.Errorf("full disk: %v", err)
	}
	for _, path := range shards {
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
}

// Run reports the loss of fields that the shards have, and of no others.
func TestNotice(t *testing.T) {
	databases := []record.Database{{File: "asn.mmdb", Kind: "mmdb", Fields: []string{"asn"}}}
	for _, tt := range []struct {
		output    string
		annotated bool
		want      bool
	}{
		{"all.warts", true, true}, {"all.warts", false, false}, {"all.ndjson", true, false},
	} {
		dir := t.TempDir()
		var shards []string
		for i, name := range shardNames {
			shards = append(shards, filepath.Join(dir, name))
			writeShard(t, shards[i], i, shardOf{run: func(r *record.Run) {
				if tt.annotated {
					r.Databases = databases
				}
			}})
		}
		var said []string
		_, err := Run(t.Context(), Config{
			Files: shards, Output: filepath.Join(dir, tt.output), Notice: func(text string) { said = append(said, text) },
		})
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(said, "\n")
		if strings.Contains(text, format.LacksAnnotations) != tt.want || (text == "") != strings.HasSuffix(tt.output, ".ndjson") || len(said) > 1 {
			t.Errorf("%s, annotated %t: %q", tt.output, tt.annotated, text)
		}
	}
}

package report

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// write writes records in a format to a file of a new folder, and returns its path.
func write(t *testing.T, name, file string, records ...record.Record) string {
	t.Helper()
	f, err := all.WriterOf(name)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := f.NewWriter(format.Output{Out: &b, Kinds: record.Traces})
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), file)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A report is made of any readable format, and of several files at once.
func TestWrite(t *testing.T) {
	tr := newTrace("203.0.113.9", "198.51.100.1", "203.0.113.9")
	ours, warts := write(t, "ndjson", "a.ndjson", tr), write(t, "warts", "b.warts", tr)
	out := filepath.Join(t.TempDir(), "report.html")
	cfg := Config{Inputs: []string{ours, warts}, Paths: 10, Output: out}
	size, err := Write(context.Background(), cfg)
	if err != nil || size.Traces != 2 || size.Kept != 2 {
		t.Fatalf("%+v, %v", size, err)
	}
	page, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	u := unpack(t, page)
	if len(u.Files) != 2 || u.Files[0].File != "a.ndjson" || u.Files[1].File != "b.warts" || len(u.Notes) != 0 {
		t.Errorf("files %+v, notes %q", u.Files, u.Notes)
	}
	if _, err := Write(context.Background(), cfg); !isExists(err) {
		t.Errorf("the second time: %v, want that the page exists", err)
	}
	cfg.Output, cfg.Existing = ours, outfile.ExistingIf(true)
	if _, err := Write(context.Background(), cfg); err == nil {
		t.Error("an input was overwritten")
	}
}

func isExists(err error) bool {
	_, ok := errors.AsType[*outfile.ExistsError](err)
	return ok
}

// Of a damaged file the page has all readable records, and the fault.
func TestWriteDamaged(t *testing.T) {
	whole := write(t, "ndjson", "whole.ndjson", newTrace("203.0.113.9", "198.51.100.1"), newTrace("203.0.113.8", "198.51.100.1"))
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		content string
		traces  int
		none    bool // no page
	}{
		"empty": {"", 0, true}, "foreign": {"hello\n", 0, true}, "cut": {string(text[:len(text)-20]), 2, false},
		"wrong line": {strings.Replace(string(text), `"type":"trace"`, `"type":"trace",`, 1), 1, false},
		"mixed":      {string(text) + "PK\x03\x04\n", 2, false},
	} {
		t.Run(name, func(t *testing.T) {
			path, out := filepath.Join(t.TempDir(), "in.ndjson"), filepath.Join(t.TempDir(), "out.html")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			size, err := Write(context.Background(), Config{Inputs: []string{path}, Paths: 10, Output: out})
			page, missing := os.ReadFile(out)
			if tt.none {
				if err == nil || missing == nil {
					t.Errorf("%+v, %v; want an error and no page", size, err)
				}
				return
			}
			if _, ok := errors.AsType[*run.Incomplete](err); !ok || size.Kept != tt.traces {
				t.Fatalf("%+v, %v", size, err)
			}
			if u := unpack(t, page); len(u.Notes) != 1 || !strings.Contains(u.Notes[0], "in.ndjson") {
				t.Errorf("notes %q", u.Notes)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	path, out := write(t, "ndjson", "a.ndjson", newTrace("203.0.113.9", "198.51.100.1")), filepath.Join(t.TempDir(), "out.html")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Write(ctx, Config{Inputs: []string{path}, Paths: 1, Output: out}); !errors.Is(err, run.ErrInterrupted) {
		t.Errorf("%v, want that it was interrupted", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("there is a page")
	}
}

// The server serves the page, and data that follows the file.
func TestServer(t *testing.T) {
	path := write(t, "ndjson", "a.ndjson", newTrace("203.0.113.9", "198.51.100.1"))
	h := &handler{ctx: t.Context(), cfg: &Config{Inputs: []string{path}, Paths: 10, grows: true}, page: []byte("page"), loopback: true}
	get := func(method, host, path, tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://"+host+path, nil)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for _, tt := range []struct {
		method, host, path, tag string
		want                    int
	}{
		{"GET", "127.0.0.1:80", "/", "", http.StatusOK}, {"GET", "[::1]:80", "/", "", http.StatusOK}, {"GET", "localhost", "/data", "", http.StatusOK},
		{"GET", "localhost", "/data", `"1"`, http.StatusNotModified}, {"GET", "evil.example", "/data", "", http.StatusForbidden},
		{"POST", "localhost", "/", "", http.StatusMethodNotAllowed}, {"GET", "localhost", "/etc/passwd", "", http.StatusNotFound},
	} {
		if got := get(tt.method, tt.host, tt.path, tt.tag).Code; got != tt.want {
			t.Errorf("%s %s%s: %d, want %d", tt.method, tt.host, tt.path, got, tt.want)
		}
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	// The last record is being written.
	if _, err := f.WriteString(`{"type":"trace","ver`); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	h.next = time.Time{}
	if got := get("GET", "localhost", "/data", `"1"`); got.Code != http.StatusOK || got.Header().Get("ETag") != `"2"` {
		t.Errorf("after the file grew: %d, tag %s", got.Code, got.Header().Get("ETag"))
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	h.next = time.Time{}
	if got := get("GET", "localhost", "/data", ""); got.Code != http.StatusOK || got.Header().Get("ETag") != `"2"` {
		t.Errorf("after the file was removed: %d, tag %s", got.Code, got.Header().Get("ETag"))
	}
}

func TestServeStandardInput(t *testing.T) {
	err := Serve(t.Context(), Config{Inputs: []string{"-"}, Paths: 1}, ":0", func(string) { t.Error("it serves") })
	if _, ok := errors.AsType[*outfile.RefusedError](err); !ok {
		t.Errorf("%v, want a refusal", err)
	}
}

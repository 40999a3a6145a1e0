package convert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/record/schema/schematest"
	"github.com/masstrace/masstrace/internal/run"
)

// Lines of the formats that are read.
const (
	yarrpRow   = "198.51.100.1 1700000000 5 11 0 7 192.0.2.7 1234 17 44 56 250 192 0 17\n"
	caracalRow = `1640006077,1,::ffff:172.17.0.2,::ffff:198.51.100.1,24000,0,9,1,::ffff:192.0.2.9,1,11,0,250,56,"[]",1234,1` + "\n"
	scamperRow = `{"type":"trace", "version":"0.1", "method":"udp-paris", "src":"192.0.2.200", "dst":"198.51.100.1", "sport":4000, "dport":33434,` +
		`"stop_reason":"GAPLIMIT", "hop_count":2, "hops":[{"addr":"192.0.2.2", "probe_ttl":2, "probe_id":0, "rtt":1.5,` +
		`"reply_ttl":63, "icmp_type":11, "icmp_code":0}]}` + "\n"
)

// runLine is the record of a run.
const runLine = `{"type":"run","schema":"1","run":"01JX","tool":"masstrace/test","argv":[],"seed":"1","key_id":"a1b2c3d4","rate_pps":1000,` +
	`"burst":1,"ttl":[1,16],"flows":1,"attempts":2,"protocol":"udp","tos":0,"wait_s":2,"source":"192.0.2.1","link":"veth",` +
	`"clock":"CLOCK_REALTIME/kernel","targets_sha256":"","exclude_sha256":"","shard":[0,1]}` + "\n"

// golden returns the path of a golden file of our own records.
func golden(name string) string { return filepath.Join("..", "..", "testdata", "output", name) }

// hopsOf returns the hops and replies of a file as texts: target, TTL, address.
func hopsOf(t *testing.T, path string) (list []string) {
	t.Helper()
	in, err := all.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for {
		r, err := in.Read()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		switch r := r.(type) {
		case *record.Trace:
			for _, h := range r.Hops {
				list = append(list, fmt.Sprint("hop ", r.Target, " ", h.TTL, " ", h.Responder))
			}
		case *record.Reply:
			list = append(list, fmt.Sprint("reply ", r.Target, " ", r.TTL, " ", r.Responder))
		}
	}
}

// Our own files come through octet by octet, from any compression to any, and from any name.
func TestOwn(t *testing.T) {
	for _, name := range []string{"udp4.ndjson", "mpls.ndjson", "icmp6.ndjson", "interfaces.ndjson", "mangled.ndjson", "tcp-syn.ndjson", "silent.ndjson", "unreach.ndjson"} {
		want, err := os.ReadFile(golden(name))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		last := filepath.Join(dir, "in")
		want = append([]byte(`{"type":"cycle-start","list_name":"default","id":1,"hostname":"vp1"}`+"\n"+runLine), want...)
		if err := os.WriteFile(last, want, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{"a.ndjson.zst", "b.json.gz", "c", "d.jsonl"} {
			to = filepath.Join(dir, to)
			if err := Run(t.Context(), Config{Inputs: []string{last}, Output: to}); err != nil {
				t.Fatalf("%s to %s: %v", last, to, err)
			}
			last = to
		}
		if got, _ := os.ReadFile(last); !bytes.Equal(got, want) {
			t.Errorf("%s changed:\n%s\n%s", name, want, got)
		}
	}
}

// Results of other tools become records of ours that their schema takes.
func TestForeign(t *testing.T) {
	for _, tt := range []struct {
		name, in, from string
		want           []string
	}{
		{"yarrp", yarrpRow, "", []string{"reply 198.51.100.1 7 192.0.2.7"}},
		{"caracal", caracalRow, "caracal", []string{"reply 198.51.100.1 9 192.0.2.9"}},
		{"scamper", scamperRow, "", []string{"hop 198.51.100.1 2 192.0.2.2"}},
		{"scamper by name", scamperRow, "scamper", []string{"hop 198.51.100.1 2 192.0.2.2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "out.ndjson")
			if err := Run(t.Context(), Config{Inputs: []string{"-"}, Stdin: strings.NewReader(tt.in), From: tt.from, Output: to}); err != nil {
				t.Fatal(err)
			}
			if got := hopsOf(t, to); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
			text, err := os.ReadFile(to)
			if err != nil {
				t.Fatal(err)
			}
			if err := schematest.Check(bytes.NewReader(text)); err != nil {
				t.Error(err)
			}
		})
	}
}

// A conversion to the standard output has the format that is named.
func TestStreams(t *testing.T) {
	var out bytes.Buffer
	if err := Run(t.Context(), Config{Inputs: []string{"-"}, Stdin: strings.NewReader(yarrpRow), Output: "-", Format: "ndjson", Stdout: &out}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, `{"type":"reply"`) {
		t.Errorf("%q", got)
	}
}

// Everything that can be read of damaged files is in the output, and the error names the file, the
// place and the cause.
func TestDamaged(t *testing.T) {
	second := strings.Replace(yarrpRow, ".1 ", ".2 ", 1)
	var packed bytes.Buffer
	z, _ := zstd.NewWriter(&packed)
	_, _ = z.Write([]byte(strings.Repeat(yarrpRow, 1000)))
	_ = z.Close()
	for _, tt := range []struct {
		name    string
		files   []string
		records int
		want    []string // in the error
	}{
		{"whole", []string{yarrpRow}, 1, nil},
		{"a bad line", []string{yarrpRow + "198.51.100.3 x\n" + second}, 2, []string{"in0: line 2: ", "columns"}},
		{"three bad lines", []string{"# yarrp\na\n" + yarrpRow + "b\nc\n"}, 1, []string{"line 2: ", "3 lines were left out"}},
		{"cut", []string{yarrpRow + second[:20]}, 1, []string{"in0: ", "cut"}},
		{"a cut file, and a whole one", []string{yarrpRow[:20], yarrpRow}, 1, []string{"in0: ", "cut"}},
		{"a cut compressed file", []string{packed.String()[:packed.Len()-4]}, -1, []string{"in0: ", "cut"}},
		{"a newer schema", []string{`{"type":"run","schema":"9","run":"R"}`}, 0, []string{"in0: ", `schema "9"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			var paths []string
			for i, text := range tt.files {
				paths = append(paths, filepath.Join(dir, fmt.Sprintf("in%d", i)))
				if err := os.WriteFile(paths[i], []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			to := filepath.Join(dir, "out")
			from := "yarrp"
			if strings.Contains(tt.files[0], "schema") {
				from = ""
			}
			err := Run(t.Context(), Config{Inputs: paths, From: from, Output: to})
			if _, incomplete := errors.AsType[*run.Incomplete](err); incomplete != (tt.want != nil) {
				t.Errorf("%v is incomplete: %t", err, incomplete)
			}
			for _, part := range tt.want {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("%v, want %q", err, part)
				}
			}
			text, _ := os.ReadFile(to)
			if n := bytes.Count(text, []byte("\n")); n != tt.records && tt.records >= 0 {
				t.Errorf("%d records, want %d", n, tt.records)
			}
		})
	}
}

// A request that makes no sense, and a file that is missing, make no output.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	if err := os.WriteFile(in, []byte(yarrpRow), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		cfg   Config
		check func(error) bool
	}{
		{"no input", Config{Output: "out"}, is[*outfile.RefusedError]},
		{"standard input twice", Config{Inputs: []string{"-", "-"}, Output: "out"}, is[*outfile.RefusedError]},
		{"an unknown ending", Config{Inputs: []string{in}, Output: "out.xyz"}, is[*outfile.EndingError]},
		{"an unknown format", Config{Inputs: []string{in}, Output: "out", Format: "xyz"}, is[*outfile.RefusedError]},
		{"an unknown format of inputs", Config{Inputs: []string{in}, Output: "out", From: "xyz"}, is[*outfile.RefusedError]},
		{"a table of a format without", Config{Inputs: []string{in}, Output: "out", Table: "hops"}, is[*outfile.RefusedError]},
		{"its own input", Config{Inputs: []string{in}, Output: in, Existing: outfile.Overwrite}, is[*outfile.CollisionError]},
		{"a missing file", Config{Inputs: []string{filepath.Join(dir, "none")}, Output: "out"}, func(err error) bool { return errors.Is(err, os.ErrNotExist) }},
		{"a missing second file", Config{Inputs: []string{in, filepath.Join(dir, "none")}, Output: "out"}, func(err error) bool { return errors.Is(err, os.ErrNotExist) }},
		{"no results", Config{Inputs: []string{"/dev/null"}, Output: "out"}, func(err error) bool { return err != nil }},
	} {
		if tt.cfg.Output != in {
			tt.cfg.Output = filepath.Join(dir, tt.cfg.Output)
		}
		tt.cfg.Stdin = strings.NewReader(yarrpRow)
		if err := Run(t.Context(), tt.cfg); !tt.check(err) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if list, _ := os.ReadDir(dir); len(list) != 1 {
			t.Errorf("%s: %v", tt.name, list)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "there"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Run(t.Context(), Config{Inputs: []string{in}, Output: filepath.Join(dir, "there")}); !is[*outfile.ExistsError](err) {
		t.Errorf("an existing file: %v", err)
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// A conversion that is interrupted leaves whole records, and one of a large file reports how far it
// is.
func TestProgress(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	const n = 40 * progressEvery
	if err := os.WriteFile(in, []byte(strings.Repeat(yarrpRow, n)), 0o600); err != nil {
		t.Fatal(err)
	}
	var calls int
	var last Progress
	step := func(p Progress) {
		if calls++; p.Records <= last.Records || p.Done < last.Done || p.Size != int64(n*len(yarrpRow)) {
			t.Errorf("%+v after %+v", p, last)
		}
		last = p
	}
	if err := Run(t.Context(), Config{Inputs: []string{in}, Output: filepath.Join(dir, "out"), Progress: step}); err != nil || calls != n/progressEvery || last.Done != last.Size {
		t.Errorf("%v, %d calls, %+v", err, calls, last)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := Run(ctx, Config{Inputs: []string{in}, Output: filepath.Join(dir, "half"), Progress: func(Progress) { cancel() }})
	text, _ := os.ReadFile(filepath.Join(dir, "half"))
	if !errors.Is(err, run.ErrInterrupted) || bytes.Count(text, []byte("\n")) != progressEvery || !bytes.HasSuffix(text, []byte("\n")) {
		t.Errorf("%v, %d lines", err, bytes.Count(text, []byte("\n")))
	}
}

// A full disk ends a conversion with its error.
func TestFullDisk(t *testing.T) {
	err := Run(t.Context(), Config{Inputs: []string{"-"}, Stdin: strings.NewReader(yarrpRow), Output: "/dev/full"})
	if !is[*run.Incomplete](err) || !strings.Contains(err.Error(), "no space") {
		t.Error(err)
	}
}

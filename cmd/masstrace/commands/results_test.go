package commands

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/record/schema/schematest"
)

// results are the records of a file.
type results struct {
	run     *record.Run
	traces  []*record.Trace
	replies []*record.Reply
	summary *record.Summary // nil if there is none
	stopped bool            // there is a cycle-stop
	cut     bool            // the last line is not whole
}

// readResults reads a file of records; all whole lines must be valid.
func readResults(path string) (*results, error) {
	in, err := all.Open(path, nil)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	r := new(results)
	for {
		rec, err := in.Read()
		switch {
		case err == io.EOF:
			return r, checkSchema(path, in.Name())
		case errors.Is(err, format.ErrCut):
			r.cut = true
			return r, nil
		case err != nil:
			return nil, err
		}
		switch rec := rec.(type) {
		case *record.Run:
			r.run = rec
		case *record.Trace:
			r.traces = append(r.traces, rec)
		case *record.Reply:
			r.replies = append(r.replies, rec)
		case *record.Summary:
			r.summary = rec
		case *record.CycleStop:
			r.stopped = true
		}
	}
}

// checkSchema holds a file of our own records against their schema.
func checkSchema(path, name string) error {
	if name != ndjson.Format.Name {
		return nil
	}
	in, err := format.OpenInput(path, nil)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := schematest.Check(in); err != nil {
		return fmt.Errorf("%s does not match the schema: %w", path, err)
	}
	return nil
}

// exts counts the traces with a trace-ext record.
func (r *results) exts() (n int) {
	for _, t := range r.traces {
		if !t.Bare {
			n++
		}
	}
	return n
}

// mustRead is readResults of a run that wrote its summary, which must add up.
func mustRead(t *testing.T, path string) *results {
	t.Helper()
	r, err := readResults(path)
	if err != nil {
		t.Fatal(err)
	}
	if r.summary == nil || !r.stopped || r.cut {
		t.Fatalf("%s is not whole: summary %v, cycle-stop %v, cut %v", path, r.summary != nil, r.stopped, r.cut)
	}
	if err := r.summary.Balance(); err != nil {
		t.Error(err)
	}
	return r
}

// scriptStatus is the script command "status N PROGRAM [ARGUMENT]...": the
// program must end with that exit status.
func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	want := -1
	if len(args) > 1 && !neg {
		want, _ = strconv.Atoi(args[0])
	}
	if want < 0 {
		ts.Fatalf("usage: status N program [argument]...")
	}
	err := ts.Exec(args[1], args[2:]...)
	var exit interface{ ExitCode() int }
	switch {
	case err == nil && want == 0:
	case errors.As(err, &exit) && exit.ExitCode() == want:
	default:
		ts.Fatalf("%v, want exit status %d", err, want)
	}
}

// scriptRecords is the script command "records FILE NAME=VALUE...", which checks the
// records. "records FILE > LIST" writes the targets of the traces, in order, one per line.
func scriptRecords(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 || neg {
		ts.Fatalf("usage: records file name=value...; records file > list")
	}
	r, err := readResults(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(args) == 3 && args[1] == ">" {
		var targets []string
		for _, t := range r.traces {
			targets = append(targets, fmt.Sprintf("%v\n", t.Target))
		}
		slices.Sort(targets)
		ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(strings.Join(targets, "")), 0o666))
		return
	}
	have := map[string]string{
		"traces":  strconv.Itoa(len(r.traces)),
		"exts":    strconv.Itoa(r.exts()),
		"replies": strconv.Itoa(len(r.replies)),
	}
	if s := r.summary; s != nil {
		ts.Check(s.Balance())
		have["targets"] = strconv.FormatUint(s.Targets, 10)
		have["sent"] = strconv.FormatUint(s.Sent, 10)
		have["answered"] = strconv.FormatUint(s.Answered, 10)
		have["complete"] = strconv.FormatBool(s.Complete)
		have["reason"] = s.Reason
	}
	for _, arg := range args[1:] {
		name, want, _ := strings.Cut(arg, "=")
		if got, ok := have[name]; !ok || got != want {
			ts.Fatalf("%s: %s is %q, want %q", args[0], name, got, want)
		}
	}
}

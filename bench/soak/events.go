package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// outcome is the outcome of a test or a package: pass, fail or skip. It is empty until the test
// has ended.
type outcome string

const (
	pass outcome = "pass"
	fail outcome = "fail"
	skip outcome = "skip"
)

// testKey names a test. The name is empty for the package as a whole.
type testKey struct{ pkg, name string }

// testRun is a test with its outcome, and the counts that it logged.
type testRun struct {
	testKey
	outcome outcome
	seconds float64
	tried   []string // such as "1000000 quotations"
}

// isTop reports whether r is neither a subtest nor a package.
func (r *testRun) isTop() bool { return r.name != "" && !strings.Contains(r.name, "/") }

// counted is a line that t.Log wrote and that begins with a number.
var counted = regexp.MustCompile(`^\s+\S+\.go:\d+: (\d.*)$`)

// readEvents returns the tests and packages of a stream of go test -json (go doc
// test2json), in the order in which they began.
func readEvents(in io.Reader) ([]*testRun, error) {
	var runs []*testRun
	byKey := map[testKey]*testRun{}
	for events := json.NewDecoder(in); ; {
		var e struct {
			Action, Package, Test, Output string
			Elapsed                       float64
		}
		if err := events.Decode(&e); errors.Is(err, io.EOF) {
			return runs, nil
		} else if err != nil {
			return nil, fmt.Errorf("read test events: %w", err)
		}
		if e.Package == "" { // of a build
			continue
		}
		key := testKey{e.Package, e.Test}
		r := byKey[key]
		if r == nil {
			r = &testRun{testKey: key}
			byKey[key] = r
			runs = append(runs, r)
		}
		switch o := outcome(e.Action); o {
		case pass, fail, skip:
			r.outcome, r.seconds = o, e.Elapsed
		default:
			if m := counted.FindStringSubmatch(strings.TrimRight(e.Output, "\n")); m != nil {
				r.tried = append(r.tried, strings.ReplaceAll(m[1], "|", `\|`))
			}
		}
	}
}

// counts returns how many tests passed, failed and were skipped. A package may fail without a
// failed test, because it was not built. Such a package counts as one more failure. A test that
// has not ended also counts as failed.
func counts(runs []*testRun) (n map[outcome]int) {
	n = map[outcome]int{}
	ofTests := map[string]int{} // failures of tests, by package
	for _, r := range runs {
		switch {
		case r.name == "":
		case r.outcome == pass || r.outcome == skip:
			n[r.outcome]++
		default:
			n[fail]++
			ofTests[r.pkg]++
		}
	}
	for _, r := range runs {
		if r.name == "" && r.outcome == fail && ofTests[r.pkg] == 0 {
			n[fail]++
		}
	}
	return n
}

// Command tally makes the output of `go test -json` readable and judges it.
//
//	go test -json ./... | tally -save FILE [-skips forbid]
//	tally -sum FILE...
//
// The first form tells of packages as they end and keeps the events in FILE. It
// fails if a test failed, if a package that has tests ran none, and, with
// -skips forbid, if a test was skipped. The second form writes the one line
// "N passed, N failed, N skipped" over the files that the first form kept.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/masstrace/masstrace/internal/gotest"
)

// policy says whether a run may have tests that were skipped.
type policy string

const (
	allow  policy = "allow"
	forbid policy = "forbid"
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *policy) UnmarshalText(text []byte) error {
	switch *p = policy(text); *p {
	case allow, forbid:
		return nil
	}
	return fmt.Errorf("%q is neither %s nor %s", text, allow, forbid)
}

// MarshalText implements encoding.TextMarshaler.
func (p policy) MarshalText() ([]byte, error) { return []byte(p), nil }

func main() {
	save := flag.String("save", "", "keep the events in this file")
	var skips policy
	flag.TextVar(&skips, "skips", allow, "allow or forbid skipped tests")
	sum := flag.Bool("sum", false, "only sum up the files given")
	flag.Parse()
	var err error
	if *sum {
		err = writeSum(os.Stdout, flag.Args())
	} else {
		err = filter(os.Stdin, os.Stdout, *save, skips)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(1)
	}
}

func filter(in io.Reader, out io.Writer, save string, skips policy) error {
	if save != "" {
		f, err := os.Create(save)
		if err != nil {
			return fmt.Errorf("keep events: %w", err)
		}
		defer f.Close()
		in = io.TeeReader(in, f)
	}
	r, err := gotest.Read(in, out)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, r.Counts())
	return judge(r, out, skips)
}

func judge(r *gotest.Report, out io.Writer, onSkips policy) error {
	var bad []error
	skips := r.Skips()
	for _, s := range skips {
		fmt.Fprintln(out, "skipped:", s)
	}
	if onSkips == forbid && len(skips) > 0 {
		bad = append(bad, fmt.Errorf("%d tests were skipped that can run here", len(skips)))
	}
	for _, p := range r.Idle() {
		bad = append(bad, fmt.Errorf("package %s has test files but ran no test", p))
	}
	switch c := r.Counts(); {
	case c.Failed > 0:
		bad = append(bad, fmt.Errorf("%d tests failed", c.Failed))
	case c.Passed == 0:
		bad = append(bad, errors.New("no test ran"))
	}
	return errors.Join(bad...)
}

func writeSum(out io.Writer, files []string) error {
	var total gotest.Counts
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("sum up: %w", err)
		}
		r, err := gotest.Read(f, io.Discard)
		if err := errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("sum up %s: %w", name, err)
		}
		total = total.Add(r.Counts())
	}
	_, err := fmt.Fprintln(out, total)
	return err
}

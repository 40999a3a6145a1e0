// Command demo shows a result file to people: its first traces, and a table of the counts
// of the scan and of its true hops.
//
//	go run ./internal/demo [-first N] [-log FILE -counters FILE] [-targets FILE] RESULTS
//
// The log and the counters are those of the simulated Internet. Without a log the truth is
// unknown, and the table is left out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/tabular"
	"github.com/masstrace/masstrace/internal/verify"
	"github.com/masstrace/masstrace/internal/wire"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its arguments, and returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	first := flags.Int("first", 3, "how many traces to show")
	c := verify.Config{Stdin: os.Stdin}
	flags.StringVar(&c.Log, "log", "", "what masstrace lab --log wrote")
	flags.StringVar(&c.Counters, "counters", "", "what masstrace lab --counters wrote")
	flags.Func("targets", "a target list of the scan", func(path string) error {
		c.Targets = append(c.Targets, path)
		return nil
	})
	if flags.Parse(args) != nil {
		return 2
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return 2
	}
	c.Results = flags.Arg(0)
	if err := demo(context.Background(), stdout, &c, *first); err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return 1
	}
	return 0
}

// demo writes the first traces and, if there is a log, the table. Results that
// are false are an error.
func demo(ctx context.Context, w io.Writer, c *verify.Config, first int) error {
	summary, err := show(w, c.Results, first)
	if err != nil || c.Log == "" {
		return err
	}
	report, err := verify.Run(ctx, *c)
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if err := writeTable(w, summary, report); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nIn %s is one JSON object a line; for the whole comparison:\n  bin/masstrace verify %s --log %s\n",
		c.Results, c.Results, c.Log)
	if !report.OK() {
		return fmt.Errorf("the results are wrong: %s", strings.Join(report.Faults, "; "))
	}
	return nil
}

// show writes the first traces of the file at path and returns its summary. A
// file without traces or without a summary is an error.
func show(w io.Writer, path string, first int) (*record.Summary, error) {
	r, err := all.Open(path, os.Stdin)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	traces := 0
	var summary *record.Summary
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		switch r := rec.(type) {
		case *record.Trace:
			if r.StopReason == record.StopCompleted && len(r.Hops) > 0 && traces < first {
				writeTrace(w, r)
				traces++
			}
		case *record.Summary:
			sum := *r
			summary = &sum
		}
	}
	switch {
	case traces == 0:
		return nil, fmt.Errorf("%s holds no trace that reaches its target", path)
	case summary == nil:
		return nil, fmt.Errorf("%s holds no summary: the scan was killed", path)
	}
	return summary, nil
}

// writeTrace writes a trace as traceroute(8) would: a line for each TTL that
// was answered, a star for each that was not.
func writeTrace(w io.Writer, t *record.Trace) {
	fmt.Fprintf(w, "\n%s to %s, %d probes: %s\n", t.Method, t.Target, t.ProbeCount, strings.ToLower(t.StopReason.String()))
	table := tabular.Table{Columns: "rrl", Indent: "  "}
	hops := t.Hops
	for ttl := max(t.FirstTTL, 1); ttl <= t.End; ttl++ {
		if len(hops) == 0 || hops[0].TTL != ttl {
			table.Add(fmt.Sprint(ttl), "", "*")
			continue
		}
		for ; len(hops) > 0 && hops[0].TTL == ttl; hops = hops[1:] {
			addHop(&table, &hops[0])
		}
	}
	_ = table.WriteText(w) // a write that fails here fails again, for the table of the results
}

// addHop adds a hop with how it answered.
func addHop(table *tabular.Table, h *record.Hop) {
	rtt := ""
	if h.HasRTT() {
		rtt = fmt.Sprintf("%.3f ms", float64(h.RTT)/1e6)
	}
	notes := []string{h.Kind.String(), h.Valid.String()}
	if h.Mangled != 0 {
		notes = append(notes, "rewritten: "+strings.Join(h.Mangled.AppendNames(nil), ", "))
	}
	var x wire.Extension
	if x.Decode(h.Ext) == nil {
		for objects := x.Objects(); objects.Next(); {
			for i := range objects.NumLabels() {
				notes = append(notes, fmt.Sprintf("MPLS %d", objects.Label(i).Label))
			}
		}
	}
	table.Add(fmt.Sprint(h.TTL), rtt, fmt.Sprintf("%s  (%s)", h.Source(), strings.Join(notes, ", ")))
}

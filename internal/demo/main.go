// Command demo shows the first traces of a result file to people.
//
//	go run ./internal/demo [-first N] FILE
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/masstrace/masstrace/output"
)

func main() {
	first := flag.Int("first", 3, "how many traces to show")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := show(os.Stdout, flag.Arg(0), *first); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// show writes the first traces of the file at path and how many there are.
// A file without traces or without a summary is an error.
func show(w io.Writer, path string, first int) error {
	r, err := output.OpenReader(path, os.Stdin)
	if err != nil {
		return err
	}
	defer r.Close()
	traces, summarized := 0, false
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		switch record := record.(type) {
		case *output.TraceRecord:
			if traces++; traces <= first {
				writeTrace(w, record)
			}
		case *output.Summary:
			summarized = true
		}
	}
	switch {
	case traces == 0:
		return fmt.Errorf("%s holds no trace", path)
	case !summarized:
		return fmt.Errorf("%s holds no summary: the scan was killed", path)
	}
	fmt.Fprintf(w, "\n%d traces are in %s, one JSON object a line\n", traces, path)
	return nil
}

// writeTrace writes a trace as traceroute(8) would: a line for each TTL that
// was answered, a star for each that was not.
func writeTrace(w io.Writer, t *output.TraceRecord) {
	fmt.Fprintf(w, "\n%s to %s, %d probes: %s\n", t.Method, t.Dst, t.ProbeCount, strings.ToLower(t.StopReason))
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	hops := t.Hops
	for ttl := max(t.FirstHop, 1); ttl <= t.HopCount; ttl++ {
		if len(hops) == 0 || int(hops[0].ProbeTTL) != ttl {
			fmt.Fprintf(columns, "%d\t\t  *\n", ttl)
			continue
		}
		for ; len(hops) > 0 && int(hops[0].ProbeTTL) == ttl; hops = hops[1:] {
			writeHop(columns, &hops[0])
		}
	}
	columns.Flush()
}

func writeHop(w io.Writer, h *output.HopRecord) {
	rtt := ""
	if h.RTT != nil {
		rtt = fmt.Sprintf("%.3f ms", *h.RTT)
	}
	notes := []string{h.Kind, h.Valid}
	if len(h.Mangled) > 0 {
		notes = append(notes, "rewritten: "+strings.Join(h.Mangled, ", "))
	}
	for _, o := range h.Objects {
		for _, l := range o.Labels {
			notes = append(notes, fmt.Sprintf("MPLS %d", l.Label))
		}
	}
	fmt.Fprintf(w, "%d\t%s\t  %s  (%s)\n", h.ProbeTTL, rtt, h.Addr, strings.Join(notes, ", "))
}

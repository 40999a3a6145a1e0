package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/flatlinks"
	"github.com/masstrace/masstrace/internal/record"
)

// way is a format with a way to write it.
type way struct {
	name, folder string
	write        func(io.Writer, []*record.Trace) error
	measured     bool // the writer is ours
	reads        bool
}

// ways returns all formats: those that are written, and then the others.
func ways() (list []*way) {
	readable := map[string]bool{}
	for _, name := range all.Readers() {
		readable[name] = true
	}
	for _, name := range all.Writers() {
		w := &way{name: name, folder: name, reads: readable[name], measured: true}
		switch {
		case name == flatlinks.Format.Name:
			w.folder = "flatlinks"
		case !w.reads:
			w.folder = "lists"
		}
		w.write = func(out io.Writer, traces []*record.Trace) error { return write(name, out, traces) }
		list = append(list, w)
	}
	return append(list, &way{name: "traceroute", folder: "traceroute", reads: true, write: writeTraceroute},
		&way{name: "mtr", folder: "mtr", reads: true, write: writeMTR})
}

// write writes a file of a format.
func write(name string, out io.Writer, traces []*record.Trace) error {
	f, err := all.WriterOf(name)
	if err != nil {
		return err
	}
	w := f.NewWriter(format.Output{Out: out, Kinds: record.Both, Run: "01JD0000000000000000000000", Hostname: "vantage"})
	if f.Replies {
		w = format.Rows(w)
	}
	if err := w.Write(&record.Run{Run: "01JD0000000000000000000000", Protocol: "udp"}); err != nil {
		return err
	}
	for _, t := range traces {
		if err := w.Write(t); err != nil {
			return err
		}
	}
	if e, ok := w.(format.Ender); ok {
		err = e.End()
	}
	return errors.Join(err, w.Flush())
}

// writeTraceroute writes what traceroute -n -q 1 prints.
func writeTraceroute(out io.Writer, traces []*record.Trace) error {
	var err error
	for _, t := range traces {
		fmt.Fprintf(out, "traceroute to %v (%v), 32 hops max, 60 byte packets\n", t.Target, t.Target)
		hops := t.Hops
		for ttl := uint8(1); len(hops) > 0; ttl++ {
			text := "*"
			if hops[0].TTL == ttl {
				text = fmt.Sprintf("%v  %.3f ms", hops[0].Responder, float64(hops[0].RTT)/1e6)
				hops = hops[1:]
			}
			_, err = fmt.Fprintf(out, "%2d  %s\n", ttl, text)
		}
	}
	return err
}

// writeMTR writes what mtr --json -n -c 1 prints, one report after the other.
func writeMTR(out io.Writer, traces []*record.Trace) error {
	var err error
	for _, t := range traces {
		fmt.Fprintf(out, `{"report":{"mtr":{"src":"vm","dst":"%v","tos":0,"tests":1,"psize":"64","bitpattern":"0x00"},"hubs":[`, t.Target)
		for i := range t.Hops {
			h := &t.Hops[i]
			ms := float64(h.RTT) / 1e6
			fmt.Fprintf(out, `%s{"count":%d,"host":"%v","Loss%%":0.0,"Snt":1,"Last":%.3f,"Avg":%.3f,"Best":%.3f,"Wrst":%.3f,"StDev":0.0}`,
				","[:min(i, 1)], h.TTL, h.Responder, ms, ms, ms, ms)
		}
		_, err = fmt.Fprintln(out, "]}}")
	}
	return err
}

// lines returns the lines of code of a format and of its tests.
func lines(source, folder string) (code, tests int, err error) {
	files, err := filepath.Glob(filepath.Join(source, "internal/format", folder, "*.go"))
	if err != nil || len(files) == 0 {
		return 0, 0, fmt.Errorf("%s has no source of %s: %w", source, folder, errors.Join(err, os.ErrNotExist))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return 0, 0, err
		}
		if n := strings.Count(string(text), "\n"); strings.HasSuffix(file, "_test.go") {
			tests += n
		} else {
			code += n
		}
	}
	return code, tests, nil
}

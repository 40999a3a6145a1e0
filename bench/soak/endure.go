package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/lab/internet"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/record"
)

// endurance is a scan of the simulated Internet, with delay, loss and noise, of any length. The
// soak monitors the scan's resources from outside, and compares its records with the truth while
// they are written.
type endurance struct {
	length time.Duration
	rate   int

	truth    *netsim.Truth
	samples  []sample
	traces   uint64
	judged   uint64 // hops
	wrong    uint64 // hops that probes of the flow cannot have met
	examples []string
	summary  *record.Summary
	counters internet.Counters
	faults   []string
	brief    bool // too brief to judge whether anything grows
}

// Every judgeEvery-th trace is judged. The scan is sampled at most mostLooks times.
const (
	judgeEvery = 16
	mostLooks  = 400
)

// run runs the scan, and returns an error that lists everything that is wrong.
func (e *endurance) run() error {
	dir, err := os.MkdirTemp("", "masstrace-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "masstrace")
	if out, err := exec.Command("go", "build", "-o", program, "./cmd/masstrace").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	options, err := internet.New(internet.Veth, "default", nil, nil)
	if err != nil {
		return err
	}
	if e.truth, err = netsim.NewTruth(options.Network); err != nil {
		return err
	}
	counters := filepath.Join(dir, "counters.json")
	cmd := exec.Command(program, "lab", "--preset", "default", "--counters", counters, "--",
		program, "scan", "0.0.0.0/0", "--per-prefix=4", fmt.Sprintf("--rate=%d", e.rate), "--max-runtime="+e.length.String())
	if err := e.watch(cmd); err != nil {
		return err
	}
	text, err := os.ReadFile(counters)
	if err == nil {
		err = json.Unmarshal(text, &e.counters)
	}
	if err != nil {
		return fmt.Errorf("read counters: %w", err)
	}
	e.judge()
	if len(e.faults) > 0 {
		return fmt.Errorf("endurance: %s", strings.Join(e.faults, "; "))
	}
	return nil
}

// watch runs the scan, samples it, and reads its records.
func (e *endurance) watch(cmd *exec.Cmd) error {
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	look := newLooker(cmd.Process.Pid, max(e.length/mostLooks, 250*time.Millisecond))
	var reading sync.WaitGroup
	reading.Go(func() { look.listen(stderr) })
	over := make(chan struct{})
	reading.Go(func() { look.run(over) })
	failure := e.read(stdout)
	close(over)
	reading.Wait()
	e.samples = look.samples
	err = cmd.Wait()
	const partial = 4 // the time limit was reached
	if cmd.ProcessState.ExitCode() == partial {
		err = nil
	}
	if err != nil || failure != nil {
		return errors.Join(fmt.Errorf("scan: %w\n%s", err, look.said.String()), failure)
	}
	return nil
}

// read reads all records. It must keep up with the scan, so it decodes only some of the traces.
func (e *endurance) read(in io.Reader) error {
	lines := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch {
		case bytes.HasPrefix(line, []byte(`{"type":"trace",`)):
			if e.traces++; e.traces%judgeEvery == 0 {
				r, err := ndjson.Decode(line)
				if err != nil {
					return err
				}
				e.hops(r.(*record.Trace))
			}
		case bytes.HasPrefix(line, []byte(`{"type":"summary"`)):
			e.summary = new(record.Summary)
			if err := json.Unmarshal(line, e.summary); err != nil {
				return err
			}
		}
	}
}

// hops compares the hops of a trace with the truth.
func (e *endurance) hops(t *record.Trace) {
	const udp = 17
	flow := netsim.PortFlow(udp, t.Source.Netip(), t.Target.Netip(), t.Flow.Value, t.DstPort)
	for i := range t.Hops {
		h := &t.Hops[i]
		e.judged++
		if v := e.truth.Judge(&flow, h.TTL, h.Responder.Netip()); v != netsim.TrueHop {
			e.wrong++
			if len(e.examples) < 5 {
				e.examples = append(e.examples, fmt.Sprintf("%v TTL %d from %v: %v, %s", t.Target, h.TTL, h.Responder, v, h.Valid))
			}
		}
	}
}

// fault records something that is wrong.
func (e *endurance) fault(format string, args ...any) {
	e.faults = append(e.faults, fmt.Sprintf(format, args...))
}

// judge checks the results and records all faults.
func (e *endurance) judge() {
	s := e.summary
	if s == nil {
		e.fault("no summary")
		return
	}
	if err := s.Balance(); err != nil {
		e.fault("%v", err)
	}
	if s.Reason != record.ReasonMaxRuntime {
		e.fault("it ended for %s", s.Reason)
	}
	received := e.counters.Simulator["received"] // includes our kernel's answers to noise
	if received+e.counters.LostIn < s.Sent {
		e.fault("%d sent, and the simulator received %d and lost %d", s.Sent, received, e.counters.LostIn)
	}
	if answered := e.counters.Simulator["fate answered"]; s.Answered > answered {
		e.fault("%d answered, and the simulator answered %d", s.Answered, answered)
	}
	if e.wrong > 0 {
		e.fault("%d of %d hops are false: %s", e.wrong, e.judged, strings.Join(e.examples, ", "))
	}
	if e.judged == 0 {
		e.fault("no hop was judged")
	}
	e.judgeGrowth()
}

// warm is how long a scan may need until all of its windows have been in use and its heap has its
// final size.
const warm = 2 * time.Minute

// judgeGrowth compares the last three quarters of the samples with the first, after the warm-up.
func (e *endurance) judgeGrowth() {
	from := slices.IndexFunc(e.samples, func(s sample) bool { return s.at >= warm })
	if from < 0 || len(e.samples)-from < 8 {
		e.brief = true
		return
	}
	list := e.samples[from:]
	before, after := most(list[:len(list)/4]), most(list[len(list)/4:])
	for _, c := range []struct {
		what          string
		before, after uint64
		factor        float64
	}{
		{"octets resident", before.rss, after.rss, 1.1},
		{"goroutines", before.goroutines, after.goroutines, 1},
		{"descriptors", before.descriptors, after.descriptors, 1},
		{"threads", before.threads, after.threads, 1.25}, // the runtime may start another
	} {
		if c.before == 0 || float64(c.after) > c.factor*float64(c.before) {
			e.fault("%d %s, and then %d", c.before, c.what, c.after)
		}
	}
}

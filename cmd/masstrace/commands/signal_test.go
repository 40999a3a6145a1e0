package commands

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/record"
)

// The first signal stops the sending; replies to sent probes are awaited and recorded.
func TestSignalOnce(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			lab.Need(t, routers.Name)
			t.Parallel()
			out := outFile(t)
			p := start(t, nil, "scan", "45.80.0.0/13", "45.144.0.0/13", "--rate=1k", "--wait=500ms", "-o", out)
			p.await(" sent ")
			p.signal(s)
			p.await("interrupted: sending has stopped")
			p.end(4)
			p.says("incomplete: stopped by a signal", "next time: a scan with --checkpoint FILE can be continued")

			r := mustRead(t, out)
			sum := r.summary
			if sum.Complete || sum.Reason != record.ReasonSignal || sum.Skipped.Interrupted == 0 || sum.Answered*3 < sum.Sent {
				t.Errorf("summary %+v; want incomplete by a signal, replies waited for", sum)
			}
			halted := slices.ContainsFunc(r.traces, func(t *record.Trace) bool { return t.StopReason == record.StopHalted })
			whole := slices.ContainsFunc(r.traces, func(t *record.Trace) bool { return t.StopReason == record.StopCompleted })
			if !halted || !whole {
				t.Errorf("of %d traces some are HALTED: %v, some COMPLETED: %v; want both", len(r.traces), halted, whole)
			}
		})
	}
}

// A signal between attempts leaves retries out: the run is not complete, even
// though every first attempt was made.
func TestSignalBeforeRetries(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	out := outFile(t)
	p := start(t, nil, "scan", "45.144.0.9", "--strategy=exhaustive", "--attempts=4", "--wait=1500ms", "--status-every=1s", "-o", out)
	p.await("100.0% sent 32 ")
	p.signal(syscall.SIGINT)
	p.end(4)
	if sum := mustRead(t, out).summary; sum.Complete || sum.FirstSent != 32 || sum.Sent > 32*3 {
		t.Errorf("summary %+v; want incomplete, with 32 first attempts", sum)
	}
}

// The second signal ends the run at once, with whole lines.
func TestSignalTwice(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	for i := range int64(effort.Count(1, 20)) {
		out := outFile(t)
		p := start(t, nil, "scan", "45.16.0.0/15", "--rate=20k", "--memory=1M", "--wait=4s", "-o", out)
		grown(t, out, 20_000+i*10_000) // some window
		p.signal(syscall.SIGINT)
		p.await("press Ctrl-C again to quit now")
		p.insist(syscall.SIGINT)
		p.end(4)
		p.says("killed: ")
		r, err := readResults(out)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.traces) == 0 || r.summary != nil || r.cut {
			t.Errorf("%d traces, summary %v, cut %v; want traces, and whole lines", len(r.traces), r.summary, r.cut)
		}
	}
}

// A reader that stopped reading cannot keep the second signal from working.
func TestSignalTwiceBlockedOutput(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	p := start(t, writer, "scan", "45.16.0.0/15", "--rate=50k", "--memory=1M", "--wait=100ms", "--status-every=1s")
	writer.Close()
	// Once the pipe is full, every window comes to wait for it.
	p.await(" (0/s)")
	p.signal(syscall.SIGINT)
	p.await("press Ctrl-C again to quit now")
	p.insist(syscall.SIGINT)
	p.end(4)
	p.says("killed: ") // and the stages that the system blocks, if the machine is not slow: see scan.TestHeld
}

// The end by time is an end like any other.
func TestMaxRuntime(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	const seconds = 1
	for _, strategy := range []string{"complete", "topology", "topology --stitch", "exhaustive", "exhaustive --no-stop"} {
		t.Run(strategy, func(t *testing.T) {
			t.Parallel()
			out := outFile(t)
			args := append([]string{"scan", "45.16.0.0/15", "--rate=1k", "--wait=300ms", "-o", out,
				"--max-runtime=" + strconv.Itoa(seconds) + "s", "--strategy"}, strings.Fields(strategy)...)
			p := start(t, nil, args...)
			p.end(4)
			p.says("incomplete: the maximum run time is over")
			sum := mustRead(t, out).summary
			if sum.Reason != record.ReasonMaxRuntime || sum.Sent < 50 || sum.Sent > 1000*seconds+100 {
				t.Errorf("summary %+v; want about %d sent", sum, 1000*seconds)
			}
			if sum.Skipped.Interrupted == 0 || sum.Targets*sum.TTLs != sum.FirstSent+sum.Skipped.Total() {
				t.Errorf("summary %+v: sent and skipped are not all", sum)
			}
		})
	}
}

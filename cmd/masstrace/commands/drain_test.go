package commands

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/record"
)

// A trace to a silent host ends with the first signal. Two signals at once count as one.
// Two wishes end the command without any wait.
func TestSignalTrace(t *testing.T) {
	t.Parallel()
	if !isolated(t, "", "") {
		return
	}
	for _, command := range []string{
		"ip link add v0 type veth peer name v1", "ip link set v0 addrgenmode none", "ip address add 10.0.0.1/24 dev v0",
		"ip link set v0 up", "ip link set v1 up", "ip neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev v0",
	} {
		do(t, command)
	}
	sent := func() uint64 { return readNumber(t, "/sys/class/net/v0/statistics/tx_packets") }
	for _, tt := range []struct {
		signals []syscall.Signal
		apart   time.Duration
		status  int
	}{
		{[]syscall.Signal{syscall.SIGINT}, 0, 128 + 2},
		{[]syscall.Signal{syscall.SIGTERM}, 0, 128 + 15},
		{twice, 0, 128 + 2},
		{twice, 500 * time.Microsecond, 128 + 2},
	} {
		for _, args := range [][]string{{}, {"--json"}} {
			t.Run(fmt.Sprint(tt.signals, tt.apart, args), func(t *testing.T) {
				before := sent()
				p := start(t, nil, append([]string{"trace", "-n", "-w", "60", "10.0.0.2"}, args...)...)
				poll(t, "probes", func() bool { return sent() >= before+10 })
				for i, s := range tt.signals {
					if i > 0 {
						time.Sleep(tt.apart) // an attempt, not a wait
					}
					_ = p.cmd.Process.Signal(s) // it fails when the process has ended
				}
				poll(t, "the end", p.isOver)
				status := tt.status
				if len(tt.signals) > 1 && p.cmd.ProcessState.ExitCode() == 128+15 {
					status = 128 + 15 // two threads took two signals, in any order
				}
				p.end(status)
				if p.said() != "" {
					t.Errorf("stderr is %q", p.said())
				}
			})
		}
	}
}

// A list of probes whose writer continues drains after the first signal, and has a summary. A busy machine may lose
// the answer of one probe.
func TestSignalList(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	const probes = 8
	var list strings.Builder
	for i := range probes {
		fmt.Fprintf(&list, "45.16.0.9,%d,33434,1,udp\n", 40000+i)
	}
	for _, signals := range [][]syscall.Signal{{syscall.SIGINT}, twice} {
		out := outFile(t)
		p := pipeIn(t, list.String(), "scan", "--probes", "-", "--records=reply", "--wait=2s", "-o", out)
		poll(t, "a probe to be answered", func() bool {
			text, _ := os.ReadFile(out) // which is made later
			return strings.Contains(string(text), `"type":"reply"`)
		})
		p.hit(signals...)
		p.await("interrupted: sending has stopped")
		p.end(4)
		sum := mustRead(t, out).summary
		if sum.Complete || sum.Reason != record.ReasonSignal || sum.Sent != probes || sum.Answered == 0 {
			t.Errorf("%v: summary %+v; want %d probes, ended by a signal", signals, sum, probes)
		}
	}
}

// Two signals at once let a scan drain.
func TestSignalPair(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	out := outFile(t)
	p := start(t, nil, "scan", "45.80.0.0/13", "--rate=1k", "--wait=500ms", "-o", out)
	p.await(" sent ")
	p.hit(twice...)
	p.end(4)
	if sum := mustRead(t, out).summary; sum.Reason != record.ReasonSignal || sum.Answered*3 < sum.Sent {
		t.Errorf("summary %+v; want an end by a signal, replies waited for", sum)
	}
}

// Signals of a lab are its command's, however long that takes for them.
func TestSignalLab(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	const script = `trap 'sleep 2; echo done >&2; exit 7' INT; echo ready >&2; while :; do sleep 0.01; done`
	cmd := exec.Command("/proc/self/exe", "lab", "--", "sh", "-c", script)
	cmd.Args[0] = program
	p := startCmd(t, cmd)
	p.await("ready")
	p.signal(syscall.SIGINT)
	p.await("done")
	p.end(7)
}

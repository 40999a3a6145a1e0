package commands

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// points runs a script at the hub of a lab with three vantage points, and returns its output.
func points(t *testing.T, script string, flags ...string) string {
	t.Helper()
	lab.Need(t, routers.Name)
	args := append([]string{"lab", "--vantage-points", "3"}, flags...)
	out, err := exec.CommandContext(t.Context(), program, append(args, "--", "sh", "-ec", script)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// Vantage points reach the hub and no other address, each in its own namespace.
func TestVantagePointNamespaces(t *testing.T) {
	t.Parallel()
	lab.NeedTool(t, "ping")
	got := points(t, `
		echo "$MASSTRACE_VANTAGE_POINTS, $MASSTRACE_HUB"
		ping -q -c1 -W20 -w20 vp3.lab.example.net >/dev/null
		masstrace lab exec vp2 -- sh -ec '
			echo "$MASSTRACE_VANTAGE_POINT"
			ls /sys/class/net
			ping -q -c1 -W20 -w20 hub.lab.example.net >/dev/null
			ping -q -c1 -W20 -w20 45.0.0.1 >/dev/null
			ping -q -c1 -W1 10.255.0.2 2>/dev/null || echo no way to vp1'
		ip netns exec vp1 ip -4 -o addr show uplink0 | grep -o "192[^ ]*/24"
		ping -q -c1 -W1 45.0.0.1 2>/dev/null || echo no way out
		masstrace lab exec vp4 -- true || echo status $?
		masstrace lab cut vp4 || echo status $?
		masstrace lab delay vp1 || echo status $?`, "--preset", "clean")
	want := `vp1 vp2 vp3, 10.255.0.1
vp2
lo
mgmt0
uplink0
no way to vp1
192.0.2.2/24
no way out
masstrace: no namespace has that name here: "vp4": run masstrace lab exec inside a lab with --vantage-points
status 3
masstrace: the lab has no vantage point "vp4"
status 3
masstrace: usage: masstrace lab delay NAME TIME
status 2
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// A link to the hub can be cut, delayed and restored, from inside the lab and from outside, and the
// others do not change.
func TestManagementFaults(t *testing.T) {
	t.Parallel()
	lab.NeedTool(t, "ping")
	state := filepath.Join(t.TempDir(), "state")
	for _, at := range []string{"", "--state " + state + " "} {
		got := points(t, `
			reach() { ping -q -c1 -W$1 -w$1 $2 | sed -n 's/rtt .* = \([0-9]*\)\..*/\1/p' | grep . || echo none; }
			lab() { masstrace lab `+at+`"$@"; }
			one=10.255.0.2 two=10.255.0.3
			reach 20 $one >/dev/null; reach 20 $two >/dev/null
			lab delay vp1 300ms; echo delayed $(reach 20 $one)
			lab cut vp1; echo cut $(reach 1 $one)
			masstrace lab exec vp1 -- sh -c "ping -q -c1 -W1 -w1 10.255.0.1 >/dev/null || echo from vp1 too"
			echo other $(reach 20 $two | grep -c none)
			lab restore vp1; echo restored $(reach 20 $one | grep -c none)
			lab cut all; echo all $(reach 1 $one) $(reach 1 $two)
			lab restore all; echo all restored $(reach 20 $one | grep -c none) $(reach 20 $two | grep -c none)
			`, strings.Fields(at)...)
		first, rest, _ := strings.Cut(got, "\n")
		ms, err := strconv.Atoi(strings.TrimPrefix(first, "delayed "))
		if err != nil || ms < 600 {
			t.Errorf("%q: a delay of 300 ms each way gives %q", at, first)
		}
		if want := "cut none\nfrom vp1 too\nother 0\nrestored 0\nall none none\nall restored 0 0\n"; rest != want {
			t.Errorf("%q: got\n%swant\n%s", at, rest, want)
		}
	}
	if files, err := os.ReadDir(state); err != nil || len(files) > 0 {
		t.Errorf("the state folder has %v, %v", files, err)
	}
}

// Scans from several vantage points at once are judged each by its own paths, and all together.
func TestScansFromVantagePoints(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	points(t, `
		for point in vp1 vp3; do
			masstrace lab exec $point -- masstrace scan 45.96.0.0/19 2a00:96::/44 --rate 2000 -o `+dir+`/$point.ndjson 2>`+dir+`/$point.err &
			jobs="$jobs $!"
		done
		for job in $jobs; do wait $job; done`, "--log", in("log"), "--counters", in("counters"))
	for _, files := range [][]string{{"vp1"}, {"vp3"}, {"vp1", "vp3"}} {
		args := []string{"verify", "--log", in("log"), "--counters", in("counters"), "--targets", "45.96.0.0/19,2a00:96::/44"}
		for _, f := range files {
			args = append(args, in(f+".ndjson"))
		}
		out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v\n%s", files, err, out)
		}
		if len(files) == 2 && !bytes.Contains(out, []byte("ALL 2 VANTAGE POINTS")) {
			t.Errorf("%v:\n%s", files, out)
		}
	}
	one, three := firstHops(t, in("vp1.ndjson")), firstHops(t, in("vp3.ndjson"))
	if one == "" || three == "" || one == three {
		t.Errorf("first hops %q and %q", one, three)
	}
}

// firstHops returns the first hop of the first trace in a file that has one.
func firstHops(t *testing.T, path string) string {
	t.Helper()
	for _, trace := range mustRead(t, path).traces {
		for _, h := range trace.Hops {
			if h.TTL == 1 {
				return h.Responder.Netip().String()
			}
		}
	}
	return ""
}

// After any process of a lab is killed, nothing of it is left.
func TestVantagePointsKilled(t *testing.T) {
	t.Parallel()
	lab.Need(t, routers.Name)
	for _, who := range []string{"lab", "init", "command"} {
		state := filepath.Join(t.TempDir(), "state")
		nap := strconv.Itoa(100000 + os.Getpid()%1000*100 + len(who))
		ready := filepath.Join(t.TempDir(), "ready")
		p := start(t, nil, "lab", "--vantage-points", "2", "--state", state, "--", "sh", "-c",
			"masstrace lab exec vp1 -- setsid sleep "+nap+" & masstrace lab exec vp2 -- sleep "+nap+" & echo >"+ready+"; sleep "+nap)
		poll(t, "the lab", func() bool { _, err := os.Stat(ready); return err == nil && len(napping(nap)) >= 3 })
		victim := p.cmd.Process.Pid
		if who != "lab" {
			victim = childOf(t, victim)
		}
		if who == "command" {
			victim = childOf(t, victim)
		}
		process, err := os.FindProcess(victim)
		if err == nil {
			err = process.Kill()
		}
		if err != nil {
			t.Fatal(err)
		}
		poll(t, "the end of all processes", func() bool { return p.isOver() && len(napping(nap)) == 0 })
		if _, err := os.Stat(filepath.Join(state, "control")); who != "lab" && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s killed: the control socket is left: %v", who, err)
		}
		if _, err := os.Stat("/run/netns/vp1"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s killed: a namespace is left: %v", who, err)
		}
		// The folder can be used again.
		out, err := exec.CommandContext(t.Context(), program, "lab", "--vantage-points", "2", "--state", state, "--", "true").CombinedOutput()
		if err != nil {
			t.Errorf("%s killed: another lab with its state folder: %v\n%s", who, err, out)
		}
	}
}

// napping lists the processes with a word in their command line.
func napping(word string) (pids []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is valid
	for _, f := range files {
		if line, _ := os.ReadFile(f); bytes.Contains(line, []byte("sleep\x00"+word+"\x00")) {
			pids = append(pids, strings.Split(f, "/")[2])
		}
	}
	return pids
}

// childOf returns the first child of a process.
func childOf(t *testing.T, pid int) int {
	t.Helper()
	all, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, f := range all {
		text, _ := os.ReadFile(f)
		if first, _, _ := strings.Cut(string(text), " "); first != "" {
			n, err := strconv.Atoi(first)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("process %d has no child", pid)
	return 0
}

// Flags of several vantage points that do not fit are refused.
func TestVantagePointFlags(t *testing.T) {
	t.Parallel()
	for want, flags := range map[string][]string{
		"--vantage-points must be from 1 to 100":               {"--vantage-points", "101"},
		"--vantage-points cannot be combined with --link tun":  {"--vantage-points", "2", "--link", "tun"},
		"--state is for a lab with several --vantage-points":   {"--state", "x"},
		"--vantage-points cannot be combined with --network r": {"--vantage-points", "2", "--network", routers.Name},
		"has no option \"vantage-points\"":                     {"--set", "vantage-points=3"},
	} {
		out, err := exec.CommandContext(t.Context(), program, append(append([]string{"lab"}, flags...), "--", "true")...).CombinedOutput()
		exit, _ := errors.AsType[*exec.ExitError](err)
		if exit == nil || exit.ExitCode() != statusUsage || !bytes.Contains(out, []byte(want)) {
			t.Errorf("%v: %v, %s; want %q", flags, err, out, want)
		}
	}
}

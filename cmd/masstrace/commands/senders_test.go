package commands

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/masstrace/masstrace/internal/lab/internet"
)

// hopsOf returns who answered at which TTL, by target.
func hopsOf(r *results) map[netip.Addr]string {
	hops := map[netip.Addr]string{}
	for _, trace := range r.traces {
		var b strings.Builder
		for _, hop := range trace.Hops {
			fmt.Fprintf(&b, "%d:%v ", hop.TTL, hop.Responder)
		}
		hops[trace.Target.Netip()] = b.String()
	}
	return hops
}

// With any way of sending and any number of threads, the probes are the same. Each leaves
// once, and the rate is one over all threads. A replay of a capture gives the records of
// the run.
func TestSenders(t *testing.T) {
	t.Parallel()
	if !isolated(t, internet.Name, internetOption(t, internet.Veth, "clean")) {
		return
	}
	const rate = 20_000
	scan := func(args ...string) (*results, string) {
		out := outFile(t)
		p := start(t, nil, append([]string{"scan", "45.80.0.0/17", "2a00:80::/41", "--seed=s", "--key=" + strings.Repeat("1f", 16),
			"--max-ttl=24", "--attempts=2", fmt.Sprintf("--rate=%d", rate), "--wait=500ms", "-o", out}, args...)...)
		p.end(0)
		r := mustRead(t, out)
		if sum := r.summary; !sum.Complete || sum.TxErrors > 0 || float64(sum.Sent) > rate*sum.ElapsedS {
			t.Errorf("%v: summary %+v", args, sum)
		}
		return r, out
	}
	alone, _ := scan()
	if alone.run.IO != "packet" || alone.run.Senders != 1 {
		t.Errorf("run record %+v", alone.run)
	}
	want := hopsOf(alone)
	for _, args := range [][]string{{"--senders=2"}, {"--senders=5"}, {"--io=xdp"}} {
		r, _ := scan(args...)
		for dst, got := range hopsOf(r) {
			if got != want[dst] {
				t.Errorf("%v: %v\n%s, by one sender\n%s", args, dst, got, want[dst])
			}
		}
		if len(r.traces) != len(alone.traces) {
			t.Errorf("%v: %d traces; by one sender %d", args, len(r.traces), len(alone.traces))
		}
		if args[0] == "--io=xdp" && r.run.IO != "xdp-copy" {
			t.Errorf("run record %+v", r.run)
		}
	}
	capture := filepath.Join(t.TempDir(), "copy.pcapng")
	copied, _ := scan("--senders=3", "--pcap", capture)
	out := outFile(t)
	start(t, nil, "replay", "-o", out, capture).end(0)
	replayed := mustRead(t, out)
	for dst, got := range hopsOf(replayed) {
		if got != hopsOf(copied)[dst] {
			t.Errorf("replay: %v\n%s", dst, got)
		}
	}
	if len(replayed.traces) != len(copied.traces) || replayed.summary.Sent != copied.summary.Sent {
		t.Errorf("replay: %d traces, summary %+v", len(replayed.traces), replayed.summary)
	}
}

// Several senders stop together, at a signal and when the link goes away, and
// wait together while it is down.
func TestSendersStop(t *testing.T) {
	t.Parallel()
	if !isolated(t, internet.Name, internetOption(t, internet.Veth, "clean")) {
		return
	}
	begin := func(out string) *process {
		p := start(t, nil, "scan", "45.80.0.0/12", "--rate=5k", "--senders=3", "--wait=300ms", "-o", out)
		p.await(" sent ")
		return p
	}
	for _, io := range []string{"packet", "xdp"} {
		out := outFile(t)
		p := start(t, nil, "scan", "45.80.0.0/12", "--rate=5k", "--io="+io, "--wait=300ms", "-o", out)
		p.await(" sent ")
		do(t, "ip link set uplink0 down")
		p.await("uplink0: down: the run waits")
		do(t, "ip link set uplink0 up")
		do(t, "ip route replace default via 215.68.64.1 dev uplink0 onlink")
		p.await("uplink0: up: the run continues")
		p.signal(syscall.SIGINT)
		p.end(4)
		if sum := mustRead(t, out).summary; sum.TxErrors > 0 {
			t.Errorf("--io %s: the link was down for a while: %+v", io, sum)
		}
	}
	out := outFile(t)
	p := begin(out)
	p.signal(syscall.SIGINT)
	p.end(4)
	if sum := mustRead(t, out).summary; sum.Complete || sum.Skipped.Interrupted == 0 {
		t.Errorf("interrupted: summary %+v", sum)
	}
	out = outFile(t)
	p = begin(out)
	do(t, "ip link delete uplink0")
	p.await("uplink0: gone: no more probes are sent")
	p.end(4)
	mustRead(t, out)
}

// If AF_XDP cannot send, the message names the reason before any probe is sent.
func TestXDPEnvironment(t *testing.T) {
	t.Parallel()
	if !isolated(t, internet.Name, internetOption(t, internet.Tun, "clean")) {
		return
	}
	do(t, "ip link set lo up")
	do(t, "ip link add up0 type veth peer name far0")
	do(t, "ip link set far0 up")
	do(t, "ip link set up0 up")
	const direct = " -i up0 --gateway-mac 02:00:00:00:00:01 --source 192.0.2.9"
	for args, want := range map[string]string{
		"45.80.0.1":                       "uplink0 is not an Ethernet link, which AF_XDP needs",
		"127.0.0.1 --allow-reserved":      "lo is not an Ethernet link, which AF_XDP needs",
		"45.80.0.1 --senders 99" + direct: "--senders must be",
		"45.80.0.1 --senders 9" + direct:  "the link has no queue 1",
	} {
		p := start(t, nil, append([]string{"scan", "--io=xdp", "-o", outFile(t)}, strings.Fields(args)...)...)
		if strings.Contains(want, "must") {
			p.end(2)
		} else {
			p.end(3)
		}
		p.says(want)
	}
}

package commands

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/internet"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/record"
)

// A link that goes away for a while pauses the run, and a message says so. When
// it is back the run continues, receives again, and is complete.
func TestLinkBack(t *testing.T) {
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	const v4, v6 = "45.80.0.0/16", "2a00:80::/40" // enough for a busy machine to be in the middle
	tests := []struct {
		name     string
		targets  string
		down, up string // commands, with ; between
		says     string
	}{
		{"set down, IPv4", v4, "ip link set uplink0 down",
			"ip link set uplink0 up; ip route replace default via 20.0.1.1 dev uplink0", "uplink0: down: the run waits"},
		{"set down, IPv6", v6, "ip link set uplink0 down",
			"ip link set uplink0 up; ip address add 2a00:1:0:1::/127 dev uplink0 nodad; ip -6 route replace default via 2a00:1:0:1::1 dev uplink0", "uplink0: down: the run waits"},
		{"cable pulled", v4, "ip netns exec r1 ip link set vantage down",
			"ip netns exec r1 ip link set vantage up", "uplink0: down: the run waits"},
		{"address removed", v4, "ip address delete 20.0.1.0/31 dev uplink0",
			"ip address add 20.0.1.0/31 dev uplink0; ip route replace default via 20.0.1.1 dev uplink0",
			"uplink0: source address removed: the run waits"},
		{"route removed", v4, "ip route delete default", "ip route replace default via 20.0.1.1 dev uplink0",
			"uplink0: the route has changed: the run waits"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			restoreRoutes(t)
			out := outFile(t)
			p := start(t, nil, "scan", tt.targets, "--strategy=exhaustive", "--rate=1200", "--wait=500ms", "-o", out)
			p.await(" sent ")
			do(t, tt.down)
			p.await(tt.says)
			restored := time.Now()
			for command := range strings.SplitSeq(tt.up, ";") {
				do(t, command)
			}
			p.await("uplink0: up: the run continues")
			p.end(0)
			r := mustRead(t, out)
			if sum := r.summary; !sum.Complete || sum.TxErrors > 0 || sum.Answered*2 < sum.Sent {
				t.Errorf("summary %+v; want complete, all sent, most answered", sum)
			}
			if n := answeredAfter(r, restored); n < 100 {
				t.Errorf("%d probes answered that were sent after the link was back, want many", n)
			}
		})
	}
}

// restoreRoutes restores the addresses and routes of the vantage point that went with its
// link.
func restoreRoutes(t *testing.T) {
	t.Helper()
	do(t, "ip address replace 2a00:1:0:1::/127 dev uplink0 nodad")
	do(t, "ip route replace default via 20.0.1.1 dev uplink0")
	do(t, "ip -6 route replace default via 2a00:1:0:1::1 dev uplink0")
}

// answeredAfter counts the probes that were sent after a time and answered.
func answeredAfter(r *results, after time.Time) (n int) {
	for _, trace := range r.traces {
		for _, hop := range trace.Hops {
			if time.Unix(0, hop.Sent).After(after) {
				n++
			}
		}
	}
	return n
}

// In a scan of both families the address of either is watched. The scan goes on with the other
// family, and counts the probes that it could not send.
func TestOneFamilyLost(t *testing.T) {
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	out := outFile(t)
	p := start(t, nil, "scan", "45.80.0.0/18", "2a00:80::/42", "--strategy=exhaustive", "--max-ttl=10", "--rate=500", "--wait=300ms", "-o", out)
	p.await(" sent ")
	do(t, "ip address delete 2a00:1:0:1::/127 dev uplink0")
	p.await("uplink0: IPv6: source address removed: the run waits, at most 10s")
	p.await("uplink0: IPv6: source address removed: its probes are not sent")
	p.end(0)
	sum := mustRead(t, out).summary
	if !sum.Complete || sum.TxErrorsBy.NoRoute == 0 || sum.TxErrors != sum.TxErrorsBy.NoRoute {
		t.Errorf("summary %+v; want complete, with probes that had no route", sum)
	}
}

// elsewhere makes a second link, by which a prefix can leave.
func elsewhere(t *testing.T) {
	for _, command := range []string{
		"ip link add d0 type veth peer name d1", "ip link set d0 up", "ip link set d1 up", "ip address add 198.18.0.1/24 dev d0",
	} {
		do(t, command)
	}
}

// A route that comes during a scan takes some of its targets elsewhere. The run waits until they
// leave with the others again.
func TestSomeRoutesChange(t *testing.T) {
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	elsewhere(t)
	out := outFile(t)
	p := start(t, nil, "scan", "45.80.0.0/16", "--rate=1k", "--max-ttl=10", "--wait=300ms", "-o", out)
	p.await(" sent ")
	do(t, "ip route add 45.80.200.0/24 dev d0")
	p.await("uplink0: some targets leave by another route now: the run waits, at most 5m0s")
	do(t, "ip route delete 45.80.200.0/24 dev d0")
	p.await("uplink0: up: the run continues")
	p.end(0)
	if sum := mustRead(t, out).summary; !sum.Complete || sum.TxErrors != 0 {
		t.Errorf("summary %+v; want complete", sum)
	}
	if n := readNumber(t, "/sys/class/net/d0/statistics/tx_packets"); n > 20 {
		t.Errorf("%d packets left by the other link", n)
	}
}

// A list of probes with a line whose target leaves by another link ends there, and names it. The
// probes before that line are sent and recorded. A dry run finds the line too.
func TestProbesElsewhere(t *testing.T) {
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	elsewhere(t)
	do(t, "ip route add 45.80.200.0/24 dev d0")
	list := filepath.Join(t.TempDir(), "probes")
	text := "45.16.0.9,40000,33434,2,udp\n45.16.0.9,40000,33434,3,udp\n45.80.200.7,40000,33434,2,udp\n45.16.0.9,40000,33434,4,udp\n"
	if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := outFile(t)
	p := start(t, nil, "scan", "--probes", list, "--records=reply", "--wait=300ms", "-o", out)
	p.end(4)
	p.says("45.80.200.7 does not: d0 directly", "incomplete: a line of the list is wrong")
	if sum := mustRead(t, out).summary; sum.Sent != 2 || sum.Answered != 2 {
		t.Errorf("summary %+v; want the two probes before that line", sum)
	}
	dry := start(t, nil, "scan", "--dry-run", "--probes", list)
	dry.end(statusUsage)
	dry.says("45.80.200.7 does not: d0 directly")
	chosen := start(t, nil, "scan", "--probes", list, "--interface=uplink0", "--overwrite", "--wait=300ms", "-o", out)
	chosen.end(0)
	if sum := mustRead(t, out).summary; sum.Sent != 4 {
		t.Errorf("summary %+v; want 4 sent by the chosen link", sum)
	}
}

// A link that is deleted ends the run.
func TestLinkDeleted(t *testing.T) {
	t.Parallel()
	if !isolated(t, internet.Name, internetOption(t, internet.Veth, "clean")) {
		return
	}
	out := outFile(t)
	p := start(t, nil, "scan", "45.80.0.0/12", "--rate=2k", "--wait=300ms", "-o", out)
	p.await(" sent ")
	do(t, "ip link delete uplink0")
	p.await("uplink0: gone: no more probes are sent")
	p.end(4)
	p.says("incomplete: the link failed")
	if sum := mustRead(t, out).summary; sum.Complete || sum.Reason != record.ReasonLink || sum.Answered == 0 {
		t.Errorf("summary %+v; want incomplete for the link", sum)
	}
}

// A queue that is full is waited for: nothing that did not leave counts as sent.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	if !isolated(t, internet.Name, internetOption(t, internet.Tun, "clean")) {
		return
	}
	do(t, "ip link set uplink0 txqueuelen 2")
	const few = 10 // packets that the kernel may send of its own, and probes that a busy machine gives up
	for _, args := range [][]string{{}, {"--no-bypass"}} {
		before := transmitted(t)
		out := outFile(t)
		p := start(t, nil, append([]string{"scan", "45.80.0.0/15", "--rate=0", "--wait=500ms", "-o", out}, args...)...)
		p.end(0)
		sum, got := mustRead(t, out).summary, transmitted(t)-before
		switch {
		case len(args) == 0 && (got < sum.Sent || got > sum.Sent+few || sum.TxErrors > few):
			t.Errorf("link transmitted %d, summary %+v", got, sum)
		case len(args) > 0 && got < sum.Sent: // this kernel's queue does not wait for the device
			p.says("warning: the queue of uplink0 dropped ")
		}
	}
}

// An egress filter that drops probes to some targets delays no others: their probes are given up
// soon, and counted by cause. If it drops all probes, the run fails and names the cause.
func TestEgressFilter(t *testing.T) {
	t.Parallel()
	if !isolated(t, internet.Name, internetOption(t, internet.Veth, "clean")) {
		return
	}
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs nft, to make a filter")
	}
	do(t, "nft add table netdev f")
	do(t, "nft add chain netdev f out { type filter hook egress device uplink0 priority 0 ; policy accept ; }")
	do(t, "nft add rule netdev f out ip daddr 45.64.0.0/16 drop")
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte("45.64.1.1,40000,33434,1,udp\n45.64.1.1,40000,33434,2,udp\n45.1.2.3,40000,33434,1,udp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"--strategy=exhaustive --max-ttl=8 45.64.1.1 45.64.2.1 45.1.0.0/17", "--strategy=exhaustive --max-ttl=8 --rate=200 45.64.1.1 45.1.0.0/21",
		"--probes=" + list,
	} {
		out := outFile(t)
		p := start(t, nil, append([]string{"scan", "--wait=300ms", "-o", out}, strings.Fields(args)...)...)
		p.end(0)
		p.says("warning: the kernel does not send probes to 45.64.", "no buffer space available")
		sum := mustRead(t, out).summary
		refused := sum.TxErrorsBy.NoBuffers
		if !sum.Complete || sum.Sent == 0 || refused == 0 || refused%2 != 0 && refused != 8 || refused != sum.TxErrors {
			t.Errorf("%s: summary %+v; want complete, with probes refused for no buffers", args, sum)
		}
	}
	p := start(t, nil, "scan", "45.64.0.0/16", "--wait=300ms", "-o", outFile(t))
	p.end(4)
	p.says("the kernel accepts no probe", "no buffer space available")
	p = start(t, nil, "trace", "-n", "45.64.1.1")
	p.end(4)
	p.says("the kernel accepts no probe", "no buffer space available")
}

// transmitted returns how many packets the link has sent.
func transmitted(t *testing.T) (n uint64) {
	t.Helper()
	return readNumber(t, "/sys/class/net/uplink0/statistics/tx_packets")
}

// A fault of the network ends the command with status 3 before it sends a probe, and the
// message names the fault.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	if !isolated(t, "", "") {
		return
	}
	for _, command := range []string{
		"ip link add up0 type veth peer name far0", "ip link set far0 up",
		"ip link add other0 type veth peer name far1", "ip link set far1 up",
	} {
		do(t, command)
	}
	const via = "45.0.0.0/8 via 192.0.2.1"
	tests := []struct {
		name  string
		setup []string
		args  string
		want  string
	}{
		{name: "no route", args: "45.16.0.1", want: "route"},
		{name: "no route by the link", args: "-i up0 45.16.0.1", setup: []string{"ip link set up0 up"}, want: "route"},
		{name: "link down", args: "-i up0 45.16.0.1", setup: []string{"ip link set up0 down"}, want: "up0"},
		{name: "no neighbour", args: "45.16.0.1", want: "192.0.2.1",
			setup: []string{"ip link set up0 up", "ip address add 192.0.2.2/24 dev up0", "ip route add " + via}},
		{name: "MTU", args: "-i up0 --source 2001:db8::2 --gateway-mac 02:00:00:00:00:01 2a00:16::1",
			setup: []string{"ip link set up0 mtu 1000"}, want: "the MTU of up0 is 1000 bytes; probes need 1280"},
		{name: "families by different links", args: "--gateway-mac 02:00:00:00:00:01 45.16.0.1 2a00:16::1",
			setup: []string{"ip link set up0 mtu 1500", "ip link set other0 up",
				"ip address add 2001:db8::2/64 dev other0 nodad", "ip route add 2a00::/16 via 2001:db8::1 dev other0"},
			want: "IPv4 leaves by up0 and IPv6 by other0"},
		{name: "targets by different links", args: "--gateway-mac 02:00:00:00:00:01 45.16.0.0/15",
			setup: []string{"ip address add 198.51.100.2/24 dev other0", "ip route add 45.17.4.0/22 via 198.51.100.1"},
			want:  "some targets do not leave by up0 via 192.0.2.1. 45.17."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, command := range tt.setup {
				do(t, command)
			}
			p := start(t, nil, append([]string{"scan", "-o", outFile(t)}, strings.Fields(tt.args)...)...)
			p.end(3)
			p.says("masstrace: ", tt.want)
			if strings.Contains(p.said(), "probes sent") {
				t.Errorf("it began:\n%s", p.said())
			}
		})
	}
}

// A source that no probe can have is refused by name.
func TestSources(t *testing.T) {
	lab.Need(t, routers.Name)
	for _, tt := range []struct {
		source string
		status int
	}{
		{"0.0.0.0", 2}, {"224.0.0.1", 2}, {"::1%lo", 2}, {"2a00:1:0:1::", 2}, // the other family
		{"20.0.1.0", 0},
	} {
		p := start(t, nil, "scan", "45.16.0.9", "--source="+tt.source, "--wait=100ms", "-o", outFile(t))
		p.end(tt.status)
		if tt.status != 0 {
			p.says("--source")
		}
	}
}

// Without the capability masstrace names it.
func TestNoPermission(t *testing.T) {
	lab.Need(t, routers.Name)
	const nobody = 65534
	cmd := exec.Command("/proc/self/exe", "scan", "45.16.0.1")
	cmd.Args[0] = program
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	p := startCmd(t, cmd)
	p.end(3)
	p.says("no permission for packet sockets (CAP_NET_RAW)", "setcap cap_net_raw+ep")
}

// A firewall that forbids probes is named, and not taken for a missing privilege:
// the run began and did not finish.
func TestFirewall(t *testing.T) {
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skip("needs nft, to make a firewall")
	}
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	for _, command := range []string{
		"ip link set lo up", "nft add table ip f",
		"nft add chain ip f out { type filter hook output priority 0 ; policy accept ; }",
		"nft add rule ip f out meta l4proto udp drop",
	} {
		do(t, command)
	}
	for _, args := range [][]string{
		{"scan", "127.0.1.0/24", "--allow-reserved", "--rate=1000", "--wait=200ms", "-o", outFile(t)},
		{"trace", "127.0.1.5"},
	} {
		p := start(t, nil, args...)
		p.end(4)
		p.says("firewall", "operation not permitted")
		if strings.Contains(p.said(), "CAP_NET_RAW") {
			t.Errorf("%s: a privilege is named:\n%s", args[0], p.said())
		}
	}
}

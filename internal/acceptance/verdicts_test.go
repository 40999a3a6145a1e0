package acceptance

import (
	"fmt"
	"math"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/verify"
)

// mostWrong is the share of verdicts that may be wrong, and with --diagnose of those that may be missing.
const mostWrong = 0.02

// verdictNetworks are the networks of TestVerdicts. In the last one, the ports of UDP and TCP decide which
// method passes, because no host answers ICMP.
func verdictNetworks() []network {
	return []network{
		{name: "default", lab: []string{"--preset=default"}},
		{name: "hostile", lab: []string{"--preset=multipath-hostile"}},
		{name: "ports", lab: []string{"--preset=loops", "--set=filter-icmp=1", "--set=filter-ports=0.5"}},
	}
}

// At most 2 % of the verdicts are wrong. With --diagnose, at most 2 % of each are missing. The targets
// are one address of each prefix of two blocks.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	blocks := family{"both", []string{"45.0.0.0/17", "2a00::/41"}}
	targets, seeds := 256, 1
	// Nothing but time depends on the delay, and most of a diagnosis is the wait for silent probes.
	quick := []string{"--set=delay=10ms", "--set=jitter=1ms", "--set=spike=5ms"}
	wait := "0.5s"
	if effort.Soaking() {
		blocks, targets, seeds = family{"both", []string{"45.0.0.0/15", "2a00::/39"}}, 1024, 3
		quick, wait = nil, ""
	}
	for _, n := range verdictNetworks() {
		for _, diagnose := range []string{"", "--diagnose"} {
			t.Run(n.name+diagnose, func(t *testing.T) {
				t.Parallel()
				sum := map[string]verify.VerdictScore{}
				for seed := range seeds {
					c := cell{"udp", blocks, n}
					c.network.lab = append(append([]string{fmt.Sprintf("--net-seed=%d", 1+seed)}, quick...), n.lab...)
					c.network.wait = wait
					if diagnose != "" {
						c.network.scan = []string{diagnose}
					}
					addVerdicts(t, sum, scan(t, &c, targets))
				}
				judgeVerdicts(t, sum, diagnose != "")
			})
		}
	}
}

// addVerdicts adds the verdicts of a scan.
func addVerdicts(t *testing.T, sum map[string]verify.VerdictScore, o *outcome) {
	t.Helper()
	v := o.report.Verdicts
	if v == nil || v.Judged != uint64(o.targets) {
		t.Fatalf("verdicts of %d targets: %+v", o.targets, v)
	}
	if v.Blamed > 0 {
		t.Errorf("%d losses of this machine are called those of the network", v.Blamed)
	}
	for _, s := range v.ByVerdict {
		all := sum[s.Verdict]
		all.Given, all.Right, all.True = all.Given+s.Given, all.Right+s.Right, all.True+s.True
		sum[s.Verdict] = all
	}
}

// judgeVerdicts checks precision, and recall if the targets were asked again.
func judgeVerdicts(t *testing.T, sum map[string]verify.VerdictScore, again bool) {
	t.Helper()
	for _, name := range []string{"reached", "filtered", "host_silent", "unreachable", "loop", "no_path"} {
		s := sum[name]
		if s.True == 0 {
			t.Errorf("no target is %s", name)
		}
		t.Logf("%-12s %.4f / %.4f: %d right of %d given, %d true", name, share(s.Right, s.Given), share(s.Right, s.True), s.Right, s.Given, s.True)
		if wrong := s.Given - s.Right; wrong > mostOf(s.Given) {
			t.Errorf("%s: %d of %d are wrong", name, wrong, s.Given)
		}
		if missing := s.True - s.Right; again && missing > mostOf(s.True) {
			t.Errorf("%s: %d of %d are missing", name, missing, s.True)
		}
	}
}

func share(part, all uint64) float64 {
	if all == 0 {
		return 1
	}
	return float64(part) / float64(all)
}

// mostOf returns how many of n verdicts may be wrong: the least number that is exceeded with a probability
// below 10⁻⁸, if each is wrong with the probability mostWrong. TestVerdicts compares fewer than 100 times.
func mostOf(n uint64) uint64 {
	most, left := uint64(0), 1.0
	for p := math.Pow(1-mostWrong, float64(n)); most < n; most++ {
		if left -= p; left < 1e-8 {
			break
		}
		p *= float64(n-most) / float64(most+1) * mostWrong / (1 - mostWrong)
	}
	return most
}

func TestMostOf(t *testing.T) {
	for _, tt := range []struct{ n, want uint64 }{{0, 0}, {1, 1}, {10, 6}, {100, 14}, {1000, 49}} {
		if got := mostOf(tt.n); got != tt.want {
			t.Errorf("of %d: %d, want %d", tt.n, got, tt.want)
		}
	}
}

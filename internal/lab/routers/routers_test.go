package routers

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
)

var update = flag.Bool("update", false, "write testdata/prefixes.txt")

func TestMain(m *testing.M) { os.Exit(lab.Main(m, Setup(), LimitedSetup())) }

// sample returns the i-th target of a territory in one family.
func sample(a Territory, family string, i int) netip.Addr {
	if family == "IPv4" {
		o := a.V4.Addr().As4()
		o[1], o[2], o[3] = o[1]+byte(i%16), byte(i/16)*7, byte(9+i)
		return netip.AddrFrom4(o)
	}
	o := a.V6.Addr().As16()
	o[4], o[7], o[15] = byte(i), 7, byte(9+i)
	return netip.AddrFrom16(o)
}

// eachTerritory runs a parallel subtest for every territory and family.
func eachTerritory(t *testing.T, f func(t *testing.T, a Territory, family string, truth Truth)) {
	lab.Need(t, Name)
	topology := New()
	for _, a := range topology.Territories() {
		for _, family := range []string{"IPv4", "IPv6"} {
			t.Run(fmt.Sprintf("%s of %s %s", a.Ending, a.Node, family), func(t *testing.T) {
				t.Parallel()
				truth, ok := topology.Truth(sample(a, family, 0))
				if !ok {
					t.Fatal("no truth")
				}
				f(t, a, family, truth)
			})
		}
	}
}

func TestTruthOfTopology(t *testing.T) {
	tests := []struct {
		target   string
		ending   Ending
		distance int
		paths    int
		nat      bool
	}{
		{target: "45.16.1.2", distance: 2, paths: 1},
		{target: "45.32.1.2", distance: 3, paths: 1},
		{target: "45.48.1.2", distance: 7, paths: 3},
		{target: "45.64.1.2", distance: 9, paths: 3},
		{target: "45.80.1.2", distance: 12, paths: 6},
		{target: "45.96.1.2", distance: 11, paths: 3, nat: true},
		{target: "45.112.1.2", distance: 8, paths: 3, ending: Prohibited},
		{target: "45.128.1.2", distance: 6, paths: 3, ending: Unreachable},
		{target: "45.144.1.2", distance: 11, paths: 6, ending: Dropped},
		{target: "2a00:80::5", distance: 12, paths: 6},
		{target: "2a00:96::5", distance: 11, paths: 3, nat: true},
	}
	topology := New()
	for _, tt := range tests {
		got, ok := topology.Truth(netip.MustParseAddr(tt.target))
		if !ok || got.Ending != tt.ending || got.Distance != tt.distance || len(got.Paths) != tt.paths || got.NAT != tt.nat {
			t.Errorf("Truth(%s) = %+v, %v; want %+v", tt.target, got, ok, tt)
		}
		for _, p := range got.Paths {
			if len(p) != got.Distance {
				t.Errorf("a path to %s has %d nodes, want %d", tt.target, len(p), got.Distance)
			}
		}
	}
	for _, a := range []string{"8.8.8.8", "20.0.1.1", "2001:db8::1", "2a00:1:0:1::1"} {
		if truth, ok := topology.Truth(netip.MustParseAddr(a)); ok {
			t.Errorf("Truth(%s) = %+v, want none", a, truth)
		}
	}
}

func TestTargetsAreTheFile(t *testing.T) {
	const file = "../../../testdata/prefixes.txt"
	topology := New()
	text := topology.Targets()
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != text {
		t.Errorf("%s differs from Targets (%v); write it with -update", file, err)
	}
	granules := 0
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "#") {
			continue
		}
		p, err := netip.ParsePrefix(l)
		if err != nil {
			a := netip.MustParseAddr(l)
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if p != p.Masked() {
			t.Errorf("%s has host bits", p)
		}
		if _, ok := topology.Truth(p.Addr()); !ok {
			t.Errorf("%s leads nowhere", p)
		}
		size := 24
		if p.Addr().Is6() {
			size = 48
		}
		granules += 1 << max(0, size-p.Bits())
	}
	if granules < 10000 || granules > 12000 {
		t.Errorf("%d granules, want some 10,000", granules)
	}
}

// Inside the lab there is only our own link. Packets to other addresses end at the first router.
func TestNoWayOut(t *testing.T) {
	lab.Need(t, Name)
	links, err := exec.Command("ip", "-brief", "link").Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for l := range strings.Lines(string(links)) {
		name, _, _ := strings.Cut(strings.Fields(l)[0], "@")
		names = append(names, name)
	}
	if !slices.Equal(names, []string{"lo", uplink}) {
		t.Errorf("links %v, want lo and %s", names, uplink)
	}
	first := New().links[0].addrs("r1")
	for i, a := range []string{"8.8.8.8", "2001:4860:4860::8888"} {
		out, _ := exec.Command("ping", "-n", "-c1", "-W1", a).CombinedOutput() // must fail
		if !strings.Contains(string(out), "From "+first[i].String()) {
			t.Errorf("ping %s: not refused by %s:\n%s", a, first[i], out)
		}
	}
}

func TestPing(t *testing.T) {
	lab.NeedTool(t, "ping")
	eachTerritory(t, func(t *testing.T, a Territory, family string, truth Truth) {
		for i := range 3 {
			target := sample(a, family, i)
			out, _ := exec.Command("ping", "-n", "-c1", "-W0.5", target.String()).CombinedOutput()
			if got := strings.Contains(string(out), " bytes from "+target.String()); got != (truth.Ending == Reached) {
				t.Errorf("ping %s answered: %v\n%s", target, got, out)
			}
		}
	})
}

// With limits lifted every probe is answered. With the kernel's own limits some are not.
func TestLimits(t *testing.T) {
	lab.Need(t, Name)
	lab.NeedTool(t, "ping")
	const probes = 20
	tests := []struct {
		name string
		args []string
	}{
		{"time exceeded IPv4", []string{"-t1", "45.16.0.1"}},
		{"time exceeded IPv6", []string{"-t1", "2a00:16::1"}},
		{"prohibited IPv4", []string{"45.112.0.1"}},
		{"prohibited IPv6", []string{"2a00:112::1"}},
		{"unreachable IPv4", []string{"45.128.0.1"}},
		{"unreachable IPv6", []string{"2a00:128::1"}},
	}
	// All pings of the other lab run in one lab, each after a line of its own.
	var script strings.Builder
	commands := make([]string, len(tests))
	for i, tt := range tests {
		commands[i] = fmt.Sprintf("ping -n -i0.002 -W0.5 -c%d %s", probes, strings.Join(tt.args, " "))
		fmt.Fprintf(&script, "echo; echo next; %s\n", commands[i])
	}
	var out strings.Builder
	_, err := lab.Run(t.Context(), lab.Config{Setup: NameLimited, Command: []string{"sh", "-c", script.String()}, Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	limited := strings.Split(out.String(), "\nnext\n")[1:]
	answered := func(out string) int { return strings.Count(out, "\nFrom ") }
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lifted, _ := exec.Command("sh", "-c", commands[i]).CombinedOutput()
			if got := answered(string(lifted)); got != probes {
				t.Errorf("lifted: %d of %d answered:\n%s", got, probes, lifted)
			}
			if got := answered(limited[i]); got == 0 || got >= probes {
				t.Errorf("kept: %d of %d answered, want some:\n%s", got, probes, limited[i])
			}
		})
	}
}

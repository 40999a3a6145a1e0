package target_test

import (
	"math/bits"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
)

func TestParseHostRule(t *testing.T) {
	for _, text := range []string{"random", "first", "sra", "0", "1", "18446744073709551615"} {
		if r, err := target.ParseHostRule(text); err != nil || r.String() != text {
			t.Errorf("%s: %v, %v", text, r, err)
		}
	}
	if r, err := target.ParseHostRule(""); err != nil || r != (target.HostRule{}) || r.String() != "random" {
		t.Errorf("nothing: %v, %v", r, err)
	}
	for _, text := range []string{"last", "-1", "+1", "0x1", "18446744073709551616", "1 "} {
		if r, err := target.ParseHostRule(text); err == nil {
			t.Errorf("%q: %v", text, r)
		}
	}
}

func rule(t testing.TB, text string) target.HostRule {
	t.Helper()
	r, err := target.ParseHostRule(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestHostRules(t *testing.T) {
	tests := []struct {
		name, rule       string
		include, exclude string
		config           target.Config
		want             string
		err              string
	}{
		{name: "first", rule: "first", include: "10.0.0.0/23\n2a00::/47", want: "10.0.0.1 10.0.1.1 2a00::1 2a00:0:1::1"},
		{name: "first of three", rule: "first", include: "10.0.0.0/24", config: target.Config{PerPrefix: 3}, want: "10.0.0.1 10.0.0.2 10.0.0.3"},
		{name: "first that is not excluded", rule: "first", include: "10.0.0.0/24", exclude: "10.0.0.0/28", want: "10.0.0.16"},
		{name: "first of a range", rule: "first", include: "10.0.0.7-10.0.0.9", want: "10.0.0.7"},
		{name: "first, where only edges remain", rule: "first", include: "10.0.0.0\n10.0.1.255\n10.0.2.0/31", want: "10.0.0.0 10.0.1.255 10.0.2.1"},
		{name: "edges last", rule: "first", include: "10.0.0.0/29", config: target.Config{Granularity4: 29, PerPrefix: 7}, want: "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.0"},
		{name: "singles come first", rule: "first", include: "10.0.0.0/24\n10.0.0.9", config: target.Config{PerPrefix: 2}, want: "10.0.0.9 10.0.0.1"},
		{name: "number", rule: "5", include: "10.0.0.0/23\n2a00::/48", want: "10.0.0.5 10.0.1.5 2a00::5"},
		{name: "number and those that follow", rule: "254", include: "10.0.0.0/24", config: target.Config{PerPrefix: 3}, want: "10.0.0.254 10.0.0.255"},
		{name: "number within the listed part", rule: "3", include: "10.0.0.128/25", want: "10.0.0.131"},
		{name: "number that is excluded", rule: "3", include: "10.0.0.0/23", exclude: "10.0.0.3", want: "10.0.1.3"},
		{name: "number that is listed by itself", rule: "3", include: "10.0.0.0/24\n10.0.0.3", config: target.Config{PerPrefix: 2}, want: "10.0.0.3"},
		{name: "number that a prefix lacks", rule: "8", include: "10.0.0.0/24\n10.0.1.8/29", err: "10.0.1.8-10.0.1.15 has no host number 8, counted from 0: it is too small"},
		{name: "number that no prefix has", rule: "256", include: "10.0.0.0/22", err: "10.0.0.0-10.0.0.255 has no host number 256, counted from 0: it is too small"},
		{name: "number that the rest of a range lacks", rule: "8", include: "10.0.0.0-10.0.1.3", err: "10.0.1.0-10.0.1.3 has no host number 8, counted from 0: it is too small"},
		{name: "number that an excluded prefix lacks", rule: "8", include: "10.0.0.0/24\n10.0.1.8/29", exclude: "10.0.1.0/24", want: "10.0.0.8"},
		{name: "number and addresses alone", rule: "8", include: "10.0.0.1\n10.0.0.2/32", want: "10.0.0.1 10.0.0.2"},
		{name: "anycast", rule: "sra", include: "2a00::/47\n2a00:0:7:5::/64", want: "2a00:: 2a00:0:1:: 2a00:0:7:5::"},
		{name: "anycast of every /64", rule: "sra", include: "2a00::/63", config: target.Config{Granularity6: 64}, want: "2a00:: 2a00:0:0:1::"},
		{name: "anycast that is excluded", rule: "sra", include: "2a00::/47", exclude: "2a00::", want: "2a00:0:1::"},
		{name: "anycast beside addresses of IPv4", rule: "sra", include: "10.0.0.1\n2a00::/48", want: "10.0.0.1 2a00::"},
		{name: "anycast of IPv4", rule: "sra", include: "10.0.0.0/24\n2a00::/48", err: "subnet-router anycast addresses are of IPv6, and 10.0.0.0-10.0.0.255 is IPv4"},
		{name: "several anycast addresses", rule: "sra", include: "2a00::/48", config: target.Config{PerPrefix: 2}, err: "a prefix has one subnet-router anycast address, and not 2"},
		{name: "number 0 of every address", rule: "0", include: "10.0.0.0/31\n10.0.0.9", config: target.Config{Granularity4: 32}, want: "10.0.0.0 10.0.0.1 10.0.0.9"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Hosts = rule(t, tt.rule)
			tt.config.Include, tt.config.Exclude = read(t, tt.include), read(t, tt.exclude).Set()
			l, err := target.NewList(tt.config)
			if tt.err != "" || err != nil {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got  %v\nwant %s", err, tt.err)
				}
				return
			}
			if got := strings.Join(all(l), " "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			checkInverse(t, l)
		})
	}
}

// checkInverse checks that each target has its number, and that it is in the list.
func checkInverse(t *testing.T, l *target.List) {
	t.Helper()
	for i := range l.Len() {
		a := l.At(i)
		if n, ok := l.IndexOf(a); !ok || n != i || !l.Contains(a) {
			t.Errorf("IndexOf(At(%d) = %v) = %d, %v", i, a, n, ok)
		}
	}
}

// Random lists in a world of 64 addresses have the hosts that a slow model has.
func TestHostRulesModel(t *testing.T) {
	for n := range uint64(effort.Count(3_000, 3_000_000)) {
		rng := rand.New(rand.NewPCG(n, 1))
		w := worlds[rng.IntN(len(worlds))]
		checkHosts(t, w, rng, n)
	}
}

// checkHosts compares a random list of a world with the model.
func checkHosts(t *testing.T, w *world, rng *rand.Rand, n uint64) {
	t.Helper()
	var inText []string
	var ranges, singles uint64
	for range 1 + rng.IntN(5) {
		i := rng.IntN(64)
		j := i + rng.IntN(64-i)
		if i == j || rng.IntN(4) == 0 {
			inText, singles = append(inText, w.addrs[i].String()), singles|1<<i
			continue
		}
		inText, ranges = append(inText, w.addrs[i].String()+"-"+w.addrs[j].String()), ranges|^uint64(0)>>(63-(j-i))<<i
	}
	outText, exclude, _ := w.lines(rng, 3)
	free, per := 1+rng.IntN(5), 1+rng.IntN(4)
	number := rng.IntN(1 << free)
	name := strconv.Itoa(number)
	if isFirst := rng.IntN(3) == 0; isFirst {
		name = "first"
	}
	c := target.Config{PerPrefix: uint64(per), Hosts: rule(t, name), Seed: permute.Key{1},
		Granularity4: 32 - free, Granularity6: 128 - free}
	c.Include, c.Exclude = read(t, strings.Join(inText, "\n")), read(t, strings.Join(outText, "\n")).Set()
	l, err := target.NewList(c)
	var want uint64
	var tooSmall bool
	for from := 0; from < 64; from += 1 << free {
		hosts, small := modelHosts(ranges, singles, exclude, from, 1<<free, per, number, name == "first")
		want, tooSmall = want|hosts, tooSmall || small
	}
	var got uint64
	if err == nil {
		for i := range l.Len() {
			got |= 1 << offset(w, l.At(i))
		}
	}
	if tooSmall != (err != nil) || !tooSmall && (got != want || l.Len() != uint64(bits.OnesCount64(want))) {
		t.Fatalf("seed %d: world %v include %v exclude %v per prefix %d, free %d, rule %s: got %064b, %v; want %064b, too small %v",
			n, w.base, inText, outText, per, free, name, got, err, want, tooSmall)
	}
	if err != nil {
		return
	}
	checkInverse(t, l)
	for i, a := range w.addrs {
		if _, ok := l.IndexOf(probe.AddrFrom(a)); ok != (want>>i&1 == 1) {
			t.Fatalf("seed %d: %v is a target: %v", n, a, ok)
		}
	}
}

// modelHosts returns the targets of the granule of width addresses from an offset on.
func modelHosts(ranges, singles, exclude uint64, from, width, per, number int, first bool) (targets uint64, tooSmall bool) {
	granule := uint64(1)<<width - 1<<0
	granule <<= from
	if width == 64 {
		granule = ^uint64(0)
	}
	ranges &= granule
	alone := singles & granule &^ exclude
	if per >= width && (first || number == 0) {
		return (ranges | alone) &^ exclude, false
	}
	pool := ranges &^ exclude &^ alone
	left := per - bits.OnesCount64(alone)
	targets = alone
	if first {
		edges := uint64(1)<<from | 1<<(from+width-1)
		for _, set := range []uint64{pool &^ edges, pool & edges} {
			for ; left > 0 && set != 0; left-- {
				lowest := set & -set
				targets, set = targets|lowest, set&^lowest
			}
		}
		return targets, false
	}
	if ranges == 0 {
		return targets, false
	}
	base := bits.TrailingZeros64(ranges)
	piece := bits.TrailingZeros64(^(ranges >> base))
	if number >= piece {
		all := ^uint64(0) >> (64 - piece) << base
		return targets, all&^exclude != 0
	}
	for i := base + number; left > 0 && i < base+number+per && i < base+piece; i++ {
		if i-base-number < per-bits.OnesCount64(alone) {
			targets |= pool & (1 << i)
		}
	}
	return targets, false
}

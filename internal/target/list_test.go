package target_test

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
)

func newList(t testing.TB, c target.Config, include, exclude string) *target.List {
	t.Helper()
	c.Include, c.Exclude = read(t, include), read(t, exclude).Set()
	l, err := target.NewList(c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func all(l *target.List) (s []string) {
	for i := range l.Len() {
		s = append(s, l.At(i).String())
	}
	return s
}

// Lists that do not depend on the seed.
func TestListAt(t *testing.T) {
	tests := []struct {
		name             string
		include, exclude string
		config           target.Config
		want             string
	}{
		{name: "empty"},
		{name: "all excluded", include: "10.0.0.0/24", exclude: "10.0.0.0/8"},
		{name: "one address", include: "10.0.0.9", want: "10.0.0.9"},
		{name: "IPv4 first, ascending", include: "2a00::9\n10.0.1.9\n10.0.0.9", want: "10.0.0.9 10.0.1.9 2a00::9"},
		{name: "a single stands in for the hashed host", include: "10.0.0.0/24\n10.0.0.77", want: "10.0.0.77"},
		{name: "all singles of a granule", include: "10.0.0.0/24\n10.0.0.77\n10.0.0.3\n10.0.0.255", want: "10.0.0.3 10.0.0.77 10.0.0.255"},
		{name: "a /32 and a range of one are singles", include: "10.0.0.0/24\n10.0.0.5/32\n10.0.0.7-10.0.0.7", want: "10.0.0.5 10.0.0.7"},
		{name: "an excluded single is not a target", include: "10.0.0.4/31\n10.0.0.77", exclude: "10.0.0.64/26\n10.0.0.4", want: "10.0.0.5"},
		{name: "edges are avoided", include: "10.0.0.0-10.0.0.1\n10.0.1.254/31\n10.0.2.0\n", want: "10.0.0.1 10.0.1.254 10.0.2.0"},
		{name: "an edge where nothing else remains", include: "10.0.0.0/31\n10.0.1.254/31", exclude: "10.0.0.1\n10.0.1.254", want: "10.0.0.0 10.0.1.255"},
		{name: "edges are the aligned granule's", include: "10.0.0.4/30", exclude: "10.0.0.5-10.0.0.255", want: "10.0.0.4"},
		{name: "every address", include: "10.0.0.254-10.0.1.1", config: target.Config{Granularity4: 32}, want: "10.0.0.254 10.0.0.255 10.0.1.0 10.0.1.1"},
		{name: "every IPv6 address", include: "2a00::fffe-2a00::1:0", config: target.Config{Granularity6: 128}, want: "2a00::fffe 2a00::ffff 2a00::1:0"},
		{name: "granule of the last IPv4", include: "255.255.255.254/31", exclude: "255.255.255.255", want: "255.255.255.254"},
		{name: "IPv6 edges", include: "2a00::-2a00::1\n2a00:0:1:ffff:ffff:ffff:ffff:fffe/127", config: target.Config{Granularity6: 64}, want: "2a00::1 2a00:0:1:ffff:ffff:ffff:ffff:fffe"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newList(t, tt.config, tt.include, tt.exclude)
			if got := strings.Join(all(l), " "); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestListErrors(t *testing.T) {
	const tooMany = "more than 2⁶³−1 targets: list fewer addresses, or choose larger granules or fewer targets in each"
	tests := []struct {
		name, include string
		config        target.Config
		want          string
	}{
		{"IPv4 granularity", "", target.Config{Granularity4: 33}, "IPv4 granularity 33 is not a prefix length from 1 to 32"},
		{"IPv6 granularity", "", target.Config{Granularity6: -1}, "IPv6 granularity -1 is not a prefix length from 1 to 128"},
		{"2^63", "8000::/1", target.Config{Granularity6: 64}, tooMany},
		{"2^64", "::/0", target.Config{Granularity6: 64}, tooMany},
		{"2^128", "::/0", target.Config{Granularity6: 128}, tooMany},
		{"of one granule", "2a00::/16", target.Config{Granularity6: 16, PerPrefix: math.MaxUint64}, tooMany},
		{"in two parts", "2a00::/2\n8000::/2", target.Config{Granularity6: 64}, tooMany},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Include = read(t, tt.include)
			if _, err := target.NewList(tt.config); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	l := newList(t, target.Config{Granularity6: 64}, "8000::/2\n0.0.0.0/0", "")
	if want := uint64(1<<62 + 1<<24); l.Len() != want || l.Len4() != 1<<24 {
		t.Errorf("%d targets, want %d", l.Len(), want)
	}
}

// The whole of IPv4 is one run.
func TestWholeInternet(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	l := newList(t, target.Config{PerPrefix: 2}, "0.0.0.0/0\n2000::/3", "")
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("took %d octets", n)
	}
	if want := uint64(2<<24 + 2<<45); l.Len() != want {
		t.Errorf("%d targets, want %d", l.Len(), want)
	}
	for _, i := range []uint64{0, 1, 2, 1 << 20, 2<<24 - 1, 2 << 24, 2<<24 + 1, 1 << 40, l.Len() - 1} {
		a := l.At(i)
		if n, ok := l.IndexOf(a); !ok || n != i || !l.Contains(a) {
			t.Errorf("IndexOf(At(%d) = %v) = %d, %v", i, a, n, ok)
		}
	}
	// Of the 256 addresses of a granule two are targets, and neither is an edge.
	found := 0
	for i := range 256 {
		if _, ok := l.IndexOf(probe.Addr4From([4]byte{8, 8, 8, byte(i)})); ok {
			if found++; i == 0 || i == 255 {
				t.Errorf("8.8.8.%d is a target", i)
			}
		}
	}
	if found != 2 {
		t.Errorf("%d targets in 8.8.8.0/24", found)
	}
}

// All last octets except the edges are chosen equally often: χ² with 253 degrees of freedom.
func TestHostsSpread(t *testing.T) {
	l := newList(t, target.Config{Seed: permute.Key{7}}, "20.0.0.0/8", "")
	var counts [256]float64
	for i := range l.Len() {
		counts[l.At(i)[15]]++
	}
	want, chi := float64(l.Len())/254, counts[0]+counts[255]
	for _, c := range counts[1:255] {
		chi += (c - want) * (c - want) / want
	}
	if chi > 253+6*math.Sqrt(2*253) {
		t.Errorf("χ² = %.0f", chi)
	}
}

// A granule's host depends on the seed, but not on other lines.
func TestHostsStable(t *testing.T) {
	c := target.Config{Seed: permute.Key{1}}
	want := newList(t, c, "8.8.8.0/24", "").At(0)
	more := newList(t, c, "8.0.0.0/8\n9.9.9.9\n2a00::/32", "8.8.7.0/25")
	if _, ok := more.IndexOf(want); !ok {
		t.Errorf("%v is no target beside other lines", want)
	}
	differ := 0
	for i := range byte(20) {
		c.Seed = permute.Key{2, i}
		if newList(t, c, "8.8.8.0/24", "").At(0) != want {
			differ++
		}
	}
	if differ < 15 {
		t.Errorf("only %d of 20 seeds choose another host", differ)
	}
}

func TestOrder(t *testing.T) {
	c := target.Config{Seed: permute.Key{1}}
	l := newList(t, c, "20.0.0.0/16\n2a00::/40\n20.1.0.1\n20.1.0.2", "")
	order := func(l *target.List, c target.OrderConfig) (s []string) {
		o, err := l.Order(c)
		if err != nil {
			t.Fatal(err)
		}
		for pos := range o.Len() {
			s = append(s, o.At(pos).String())
		}
		return s
	}
	whole := order(l, target.OrderConfig{})
	if slices.Equal(whole, all(l)) {
		t.Error("the order is the list's")
	}
	if !slices.Equal(whole, order(newList(t, c, "20.1.0.1-20.1.0.1\n20.1.0.2\n2a00::/40\n20.0.0.0/16", ""), target.OrderConfig{})) {
		t.Error("the order depends on how the lines are written")
	}
	if cut := order(l, target.OrderConfig{MaxTargets: 100}); !slices.Equal(cut, whole[:100]) {
		t.Error("a cut order is not the beginning of the whole")
	}
	for s := range uint64(3) {
		var want []string
		for pos := s; pos < 100; pos += 3 {
			want = append(want, whole[pos])
		}
		if got := order(l, target.OrderConfig{Shard: s, Shards: 3, MaxTargets: 100}); !slices.Equal(got, want) {
			t.Errorf("shard %d is not each third", s)
		}
	}
	c.Seed = permute.Key{2}
	if slices.Equal(whole, order(newList(t, c, "20.0.0.0/16\n2a00::/40\n20.1.0.1\n20.1.0.2", ""), target.OrderConfig{})) {
		t.Error("the order does not depend on the seed")
	}
	if _, err := l.Order(target.OrderConfig{Shard: 3, Shards: 3}); err == nil || err.Error() != "shard 3 is not below the number of shards, 3" {
		t.Errorf("got %v", err)
	}
	if o, err := newList(t, c, "", "").Order(target.OrderConfig{Shards: 2}); err != nil || o.Len() != 0 {
		t.Errorf("order of nothing: %v", err)
	}
}

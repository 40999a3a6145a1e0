package multipath

import (
	"math/rand/v2"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
)

// TestKnownVeil keeps support that silence contradicts only if most searches had none.
func TestKnownVeil(t *testing.T) {
	sole := func(prefix uint32) finding { return finding{width: 1, set: 7, prefix: prefix} }
	certain := func(prefix uint32) finding { return finding{width: 1, set: 7, prefix: prefix, certain: true} }
	tests := []struct {
		name                       string
		change                     func(k *Known)
		shown, isCertain, isVeiled bool
	}{
		{"two searches", func(k *Known) {
			k.report(key(9), sole(1))
			k.report(key(9), sole(2))
		}, true, false, false},
		{"many", func(k *Known) {
			for i := range uint32(minTrust + 1) {
				k.report(key(9), sole(i))
			}
		}, true, true, false},
		{"silence after two", func(k *Known) {
			k.report(key(9), sole(1))
			k.report(key(9), sole(2))
			k.veil(key(9))
			k.report(key(9), sole(3))
			k.report(key(9), sole(4))
		}, false, false, true},
		{"silence before two", func(k *Known) {
			k.veil(key(9))
			k.report(key(9), sole(1))
			k.report(key(9), sole(2))
		}, false, false, true},
		{"losses among many", func(k *Known) {
			for i := range uint32(3 * veilCost) {
				k.report(key(9), sole(i))
			}
			k.veil(key(9))
		}, true, true, false},
		{"certain in spite of silence", func(k *Known) {
			k.veil(key(9))
			k.report(key(9), certain(1))
			k.report(key(9), certain(2))
		}, true, false, false},
		{"silence beside two branches", func(k *Known) {
			k.report(key(9), finding{width: 2, set: 9, prefix: 1})
			k.report(key(9), finding{width: 2, set: 9, prefix: 2})
			k.veil(key(9))
		}, true, false, false},
		{"silence behind a per-packet balancer", func(k *Known) {
			k.warn(key(9))
			k.veil(key(9))
		}, true, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := NewKnown(1 << 16)
			tt.change(k)
			e := k.get(key(9))
			if e.isShown() != tt.shown || e.isCertain() != tt.isCertain || e.isVeiled() != tt.isVeiled {
				t.Errorf("%+v: shown %v, certain %v, veiled %v", e, e.isShown(), e.isCertain(), e.isVeiled())
			}
		})
	}
}

// TestKnownLimit forgets a limit when searches meet none.
func TestKnownLimit(t *testing.T) {
	k, router := NewKnown(1<<16), limitKey(3, ip(9))
	for range 100 {
		k.limit(router, true)
	}
	for i := range mostLimits {
		if e := k.get(router); e.limits != int8(mostLimits-i) {
			t.Fatalf("after %d: %+v", i, e)
		}
		k.limit(router, false)
	}
	if e := k.get(router); e.limits != 0 {
		t.Errorf("%+v, want no limit", e)
	}
	if e := k.get(limitKey(4, ip(9))); e.limits != 0 {
		t.Errorf("another TTL: %+v", e)
	}
}

// behind runs searches to targets of different prefixes behind the same routers. build makes the network of a
// target, and judge sees its search.
func behind(t *testing.T, tr *trial, targets int, build func(i int, n *network), judge func(i int)) {
	t.Helper()
	for i := range targets {
		n := newNetwork(5)
		build(i, n)
		n.seed = uint64(i)
		for r := range n.routers {
			if n.routers[r].end {
				n.routers[r].addr = probe.Addr4From([4]byte{192, byte(i >> 8), byte(i), 1})
			}
		}
		tr.run(t, n, 10)
		if f, notes := tr.judge(n.truth()); f.falseNodes+f.falseLinks > 0 {
			t.Fatalf("target %d: false: %q", i, notes)
		}
		judge(i)
	}
}

// asked counts the probes of the last search to a TTL, by whether they repeat an answered one.
func (tr *trial) asked(ttl uint8) (first, repeats int) {
	for i := range tr.seen {
		switch p := &tr.seen[i].Probe; {
		case p.TTL != ttl:
		case p.Attempt < firstRepeat:
			first++
		default:
			repeats++
		}
	}
	return first, repeats
}

// TestSearchSparesLimited asks one flow at a router that limits its answers, once other targets have shown that
// all flows pass it. It asks all again some time after the limit is over.
func TestSearchSparesLimited(t *testing.T) {
	cfg := testConfig()
	cfg.Attempts, cfg.Known = 1, NewKnown(1<<20)
	tr := newTrial(t, cfg)
	const begins, ends, targets = 40, 240, 1500
	flows := [targets]int{}
	behind(t, tr, targets, func(i int, n *network) {
		n.done(n.chain(0, 8))
		if begins <= i && i < ends {
			n.routers[3].limit = 1
		}
	}, func(i int) { flows[i], _ = tr.asked(4) })
	mean := func(flows []int) (sum float64) {
		for _, n := range flows {
			sum += float64(n)
		}
		return sum / float64(len(flows))
	}
	before, during, after := mean(flows[10:begins]), mean(flows[begins+20:ends]), mean(flows[targets-200:])
	t.Logf("flows before the limit, under it and after it: %.2f, %.2f, %.2f", before, during, after)
	if full := float64(cfg.rule.Flows(1)); before < full || during > 1.5 || after < full {
		t.Errorf("flows before the limit, under it and after it: %.2f, %.2f, %.2f; the rule takes %.0f", before, during, after, full)
	}
}

// TestSearchShownBalancer repeats fewer flows at a balancer of flows that other targets have shown, and asks as
// many flows as before.
func TestSearchShownBalancer(t *testing.T) {
	cfg := testConfig()
	cfg.Known = NewKnown(1 << 20)
	tr := newTrial(t, cfg)
	first, repeats := [40]int{}, [40]int{}
	behind(t, tr, len(first), func(_ int, n *network) {
		n.done(n.chain(n.diamond(n.chain(0, 4), 1, 1), 2))
	}, func(i int) { first[i], repeats[i] = tr.asked(5) })
	last := len(first) - 1
	if repeats[0] < enoughBits || repeats[last] > borrowedBits+2 || first[last] < cfg.rule.Flows(2) {
		t.Errorf("first search: %d flows, %d repeats; last one: %d and %d", first[0], repeats[0], first[last], repeats[last])
	}
}

// TestSearchKeepsBranches repeats fewer flows where the rows of a diamond show that flows keep to their branches.
func TestSearchKeepsBranches(t *testing.T) {
	var repeats [3]int
	for length := 1; length <= 2; length++ {
		tr := newTrial(t, testConfig())
		n := newNetwork(5)
		n.done(n.chain(n.diamond(n.chain(0, 4), even(2, length)...), 2))
		tr.run(t, n, 10)
		_, repeats[length] = tr.asked(5)
	}
	if repeats[1] < enoughBits || repeats[2] > borrowedBits+2 {
		t.Errorf("branches of one router: %d repeats, of two: %d", repeats[1], repeats[2])
	}
}

// TestSearchWarned repeats few flows at once where other targets have shown a per-packet balancer.
func TestSearchWarned(t *testing.T) {
	cfg := testConfig()
	cfg.Known = NewKnown(1 << 20)
	tr := newTrial(t, cfg)
	repeats := [60]int{}
	behind(t, tr, len(repeats), func(i int, n *network) {
		at := n.chain(0, 4)
		n.routers[at].packet = true
		n.done(n.chain(n.diamond(at, 1, 1), 2))
		n.rand = rand.New(rand.NewPCG(uint64(i), 2))
	}, func(i int) { _, repeats[i] = tr.asked(5) })
	sum := 0
	for _, r := range repeats[10:] {
		sum += r
	}
	if mean := float64(sum) / float64(len(repeats)-10); repeats[0] < enoughBits || mean > enoughBits {
		t.Errorf("first search: %d repeats, later ones: %.1f", repeats[0], mean)
	}
}

// TestSearchHostLimit asks few flows more of a target that stops answering.
func TestSearchHostLimit(t *testing.T) {
	cfg := testConfig()
	cfg.Attempts = 1
	tr := newTrial(t, cfg)
	n := newNetwork(5)
	end := n.chain(0, 8)
	n.done(end)
	n.routers[end].limit = 5
	tr.run(t, n, 10)
	if flows, _ := tr.asked(8); flows > cfg.rule.Flows(1)+veils {
		t.Errorf("%d flows", flows)
	}
}

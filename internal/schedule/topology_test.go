package schedule

import (
	"math"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// target24 returns a target in the /24 with that number.
func target24(i int) probe.Addr { return probe.Addr4From([4]byte{198, 51, byte(i), 1}) }

// answerAt makes the router of each TTL answer probes for the target of w.
func answerAt(w *window.Window, known *window.StopSet, target uint32, ttls ...uint8) {
	for _, ttl := range ttls {
		f := &probe.Facts{Probe: probe.Probe{Target: w.Target(int(target)), TTL: ttl}, Kind: probe.KindTTLExceeded,
			Valid: probe.Strong, Responder: routerAt(ttl)}
		slot := window.Slot{Target: target, TTL: ttl}
		w.Stamp(slot, 1)
		w.Answer(slot, &probe.Reply{Facts: *f})
		w.Learn(target, f, known)
	}
}

// The way back ends behind three known interfaces. At common ones it ends behind two, for as many paths
// as the stop set has a debt for. No path repays twice.
func TestTopologyRepays(t *testing.T) {
	const first, overlap = 10, 3
	for _, tt := range []struct {
		name     string
		prefixes int // that met the interfaces before
		known    bool
		back     []uint8 // TTLs at which the path is known
		want     []bool  // for one path after the other
	}{
		{"two at common interfaces", 3, true, []uint8{10, 9}, []bool{true, true, false, false}},
		{"two at known interfaces", 2, true, []uint8{10, 9}, []bool{false, true, true, false}}, // these make them common
		{"one at a common interface", 3, true, []uint8{10}, []bool{false, false, false, false}},
		{"three", 2, true, []uint8{10, 9, 8}, []bool{true, true, true, true}},
		{"without the stop set", 3, false, []uint8{10, 9}, []bool{false, false, false, false}},
	} {
		w := window.New(window.Shape{Targets: 8, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1})
		known := window.NewStopSet(1 << 10)
		for i := range 8 {
			w.Append(target24(i))
		}
		for i := range tt.prefixes {
			answerAt(w, known, uint32(i), 10, 9, 8) // three debts of seven eighths: two probes
		}
		c := StrategyConfig{GapLimit: 3, Overlap: overlap}
		if tt.known {
			c.Known = known
		}
		topology := NewTopology(c)
		for i, want := range tt.want {
			p := newPath(w, new(window.Faults), 1000)
			p.slot.Target = uint32(tt.prefixes + i)
			answerAt(w, known, p.slot.Target, tt.back...)
			p.State = w.State(p.slot.Target, 0)
			for range 3 {
				if got := topology.isKnown(&p, first); got != want {
					t.Errorf("%s: path %d: known %t, want %t", tt.name, i, got, want)
				}
			}
		}
	}
}

// A path that begins beyond its target proves the distance at its end, if it is one of those that do. The
// distance then weighs for all of them, and the stop set owes most of an early end for the probe.
func TestTopologyProof(t *testing.T) {
	const neighbour = 11 // TTLs away: the path begins one before
	for _, tt := range []struct {
		name     string
		distance uint8
		proves   bool
		want     []Step
		mean     float64
		owes     bool
	}{
		{"proof", 7, true, []Step{10, 6, 5, 4, 3, 2, 1, 7}, neighbour - 4*proveEvery/(proveEvery+1.), true},
		{"no proof", 7, false, []Step{10, 6, 5, 4, 3, 2, 1}, neighbour, false},
		{"proved on the way", 13, true, []Step{10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 11, 12, 13}, neighbour + 1, false},
		{"the same", 13, false, []Step{10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 11, 12, 13}, neighbour + 1, false},
	} {
		w := window.New(window.Shape{Targets: 1, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1})
		w.Append(target24(1))
		c := StrategyConfig{GapLimit: 3, Overlap: 3, Known: window.NewStopSet(1 << 10), Distances: NewDistances(64)}
		c.Distances.Learn(target24(1), neighbour, 1)
		topology := NewTopology(c)
		p := newPath(w, new(window.Faults), 1000)
		for p.proves() != tt.proves {
			p.random++
		}
		var got []Step
		for {
			p.State = w.State(0, 0)
			step := topology.Next(&p)
			if again := topology.Next(&p); again != step {
				t.Errorf("%s: %d, then %d", tt.name, step, again)
			}
			if step == Enough || len(got) > len(tt.want) {
				break
			}
			got = append(got, step)
			p.Sent |= 1 << step
			p.latestTTL = uint8(step)
			if p.latestTTL < tt.distance {
				answerAt(w, c.Known, 0, p.latestTTL)
			} else {
				w.Stamp(window.Slot{TTL: p.latestTTL}, 1)
				f := probe.Facts{Probe: probe.Probe{Target: p.Target(), TTL: p.latestTTL}, Kind: probe.KindPortUnreach,
					Valid: probe.Strong, Responder: p.Target(), HasQuote: true, QuotedTTL: p.latestTTL - tt.distance + 1}
				w.Answer(window.Slot{TTL: p.latestTTL}, &probe.Reply{Facts: f})
				w.Learn(0, &f, c.Known)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: TTLs %d, want %d", tt.name, got, tt.want)
		}
		if g := c.Distances.Estimate(p.Target()); math.Abs(g.Mean-tt.mean) > 2./ttlUnit || g.Count > 2 {
			t.Errorf("%s: mean distance %v of %d, want %v", tt.name, g.Mean, g.Count, tt.mean)
		}
		if c.Known.Repay(p.Target()) {
			t.Errorf("%s: owes a whole early end", tt.name)
		}
		c.Known.OweProof(p.Target())
		if got := c.Known.Repay(p.Target()); got != tt.owes {
			t.Errorf("%s: owes most of an early end: %t, want %t", tt.name, got, tt.owes)
		}
	}
}

// A path that another vantage point spares ends a TTL earlier at common interfaces, and has no part in the
// debt. An audited one needs the debt, and adds to it.
func TestTopologySpared(t *testing.T) {
	const first, overlap = 10, 3
	w := window.New(window.Shape{Targets: 256, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1})
	for i := range 256 {
		w.Append(target24(i))
	}
	others := window.NewOthers(1<<20, nil, 1)
	var spared, audited []uint32
	for i := range uint32(256) {
		if others.Spares(w.Target(int(i))) {
			spared = append(spared, i)
		} else {
			audited = append(audited, i)
		}
	}
	for _, tt := range []struct {
		name           string
		before         []uint32 // targets that met the interfaces before
		spared, audits bool     // what a path of each kind may do
	}{
		{"met by spared paths", spared[:3], true, false},
		{"met by audited paths", audited[:3], true, true},
		{"met by two", spared[:2], false, false},
	} {
		known := window.NewStopSet(1 << 10)
		known.Heed(others)
		for _, target := range tt.before {
			for ttl := uint8(8); ttl <= first; ttl++ {
				known.Add(ttl, routerAt(ttl), w.Target(int(target)), false)
			}
		}
		topology := NewTopology(StrategyConfig{GapLimit: 3, Overlap: overlap, Known: known, Others: others})
		for _, path := range []struct {
			target uint32
			want   bool
		}{{spared[5], tt.spared}, {audited[5], tt.audits}} {
			p := newPath(w, new(window.Faults), 1000)
			p.slot.Target = path.target
			answerAt(w, known, path.target, first, first-1)
			p.State = w.State(path.target, 0)
			if got := topology.isKnown(&p, first); got != path.want {
				t.Errorf("%s: target %d (spared %t): known %t, want %t", tt.name, path.target, others.Spares(p.Target()), got, path.want)
			}
		}
	}
}

// A path on which other vantage points rely goes on through more silent TTLs.
func TestTopologyShared(t *testing.T) {
	const gapLimit, distance = 5, 6
	for _, shared := range []bool{false, true} {
		w := window.New(window.Shape{Targets: 1, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1})
		w.Append(target24(1))
		c := StrategyConfig{GapLimit: gapLimit, Overlap: 3, Known: window.NewStopSet(1 << 10), Distances: NewDistances(64), Shared: shared}
		for range enoughDistances {
			c.Distances.Learn(target24(1), distance, 1)
		}
		topology := NewTopology(c)
		p := newPath(w, new(window.Faults), 1000)
		p.now = 1 << 40 // all silence is old
		last := Step(0)
		for range 40 {
			p.State = w.State(0, 0)
			step := topology.Next(&p)
			if step == Enough {
				break
			}
			last = max(last, step)
			p.Sent |= 1 << step
			w.Stamp(window.Slot{TTL: uint8(step)}, 1)
			if step < distance {
				answerAt(w, c.Known, 0, uint8(step))
			}
		}
		want := Step(distance - 1 + fewestSilent)
		if shared {
			want = distance - 1 + gapLimit + sharedGap
		}
		if last != want {
			t.Errorf("shared %t: the last TTL is %d, want %d", shared, last, want)
		}
	}
}

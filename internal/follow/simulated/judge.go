package simulated

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Targets returns some targets: nets /16s, with subnets /24s of each, and each targets in those.
func Targets(r *rand.Rand, nets, subnets, each int) []probe.Addr {
	known := map[probe.Addr]bool{}
	var list []probe.Addr
	for range nets {
		a, b := [...]byte{45, 80, 100, 151}[r.IntN(4)], byte(r.IntN(256))
		for range subnets {
			c := byte(r.IntN(256))
			for range each {
				t := probe.AddrFrom(netip.AddrFrom4([4]byte{a, b, c, byte(1 + r.IntN(254))}))
				if !known[t] {
					known[t] = true
					list = append(list, t)
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b probe.Addr) int { return slices.Compare(a[:], b[:]) })
	return list
}

// Moment is a change of the path to a target, by the truth.
type Moment struct {
	Target probe.Addr
	At     int64 // ns since the first probe
	found  bool
}

// Moments returns the changes of some targets between two times, as far as hops that answer show
// them.
func (w *World) Moments(targets []probe.Addr, from, to int64) (list []Moment) {
	const look = int64(5 * time.Second)
	for _, t := range targets {
		before := w.Path(t, from)
		for at := from; at < to; at += look {
			next := min(at+look, to)
			after := w.Path(t, next)
			if after != before {
				low, high := at, next
				for high-low > int64(10*time.Millisecond) {
					if middle := low + (high-low)/2; w.Path(t, middle) == before {
						low = middle
					} else {
						high = middle
					}
				}
				if Differ(before, after) {
					list = append(list, Moment{Target: t, At: high})
				}
			}
			before = after
		}
	}
	return list
}

// Found is a change of a target as it was told.
type Found struct {
	Target              probe.Addr
	NotBefore, NotAfter int64
	Told                int64
	Kind                record.ChangeKind
}

// Verdict is how good the changes are that were told.
type Verdict struct {
	True, Told, False, Missed, Found int
	Delays                           []time.Duration // from a change until it was told, sorted
}

// Judge compares what was told with the truth. A change is false if the path was the same at both of
// its bounds, and at every change between them.
func (w *World) Judge(moments []Moment, told []Found) (v Verdict) {
	by := map[probe.Addr][]*Moment{}
	for i := range moments {
		by[moments[i].Target] = append(by[moments[i].Target], &moments[i])
	}
	v.True, v.Told = len(moments), len(told)
	for _, f := range told {
		right := false
		for _, m := range by[f.Target] {
			if m.At < f.NotBefore-int64(time.Second) || m.At > f.NotAfter+int64(time.Second) {
				continue
			}
			right = true
			if !m.found {
				m.found = true
				v.Delays = append(v.Delays, time.Duration(f.Told-m.At))
			}
		}
		if !right && !Differ(w.Path(f.Target, f.NotBefore), w.Path(f.Target, f.NotAfter)) {
			v.False++
		}
	}
	for i := range moments {
		if moments[i].found {
			v.Found++
		} else {
			v.Missed++
		}
	}
	slices.Sort(v.Delays)
	return v
}

// Collect returns a function that takes changes, and the changes by target.
func Collect() (take func(*record.PathChange), told func() []Found) {
	var list []Found
	return func(c *record.PathChange) {
		for _, t := range c.Targets {
			list = append(list, Found{Target: t, NotBefore: c.NotBefore, NotAfter: c.NotAfter, Told: c.Time, Kind: c.Kind})
		}
	}, func() []Found { return list }
}

package codec

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// A quotation of another scan with the same seed and another key has a valid tag by chance. The
// chance is one in 2¹⁶ for each TTL and each field that may carry the tag.
func TestTwoKeys(t *testing.T) {
	for _, k := range []kind{{probe.UDP, true}, {probe.UDP, false}, {probe.ICMP, true}, {probe.ICMP, false}} {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			ours, theirs := newAttacked(t, k.method, k.is4), newAttacked(t, k.method, k.is4)
			cfg := theirs.cfg
			cfg.Key = Key{7}
			other := newCodec(t, cfg)
			n, valid, strong := effort.Count(300_000, 100_000_000), 0, 0
			for i := range n {
				if i%boundTTLs == 0 {
					ours.begin()
				}
				packet := encode(other, probe.Probe{Target: ours.target, TTL: uint8(1 + i%boundTTLs)})
				q, f := quote(packet, len(packet)), probe.Facts{}
				if ours.Quoted(&q, &f) == Accepted {
					if valid++; f.Valid == probe.Strong {
						strong++
					}
				}
			}
			mean := float64(n) * chanceOfTag(k.is4)
			t.Logf("%d quotations of the other scan: %d with a valid tag, %.0f expected; %d strong", n, valid, mean, strong)
			if math.Abs(float64(valid)-mean) > 5*math.Sqrt(mean) || strong != 0 {
				t.Errorf("%d have a valid tag, want %.0f; %d are strong", valid, mean, strong)
			}
		})
	}
}

// chanceOfTag returns the probability that a quotation of another scan has a valid tag.
func chanceOfTag(is4 bool) float64 {
	fields := 1.0
	if is4 {
		fields = 2
	}
	return boundTTLs * fields / (1 << 16)
}

// Two scans run from one source with one seed and two keys. The answers to the other scan come from
// the routers of the path, one for each of its probes. If some of them have valid tags by chance,
// they are no hops. The test makes the chance happen in every trace, so that it counts the rest.
//
// A reply of the other scan is a hop only at a TTL without a strong answer. So in every trace at
// least one valid tag names such an open TTL, and the share of such traces is their weight.
func TestTwoScansBounds(t *testing.T) {
	for _, is4 := range []bool{true, false} {
		t.Run(fmt.Sprint("IPv4 ", is4), func(t *testing.T) {
			t.Parallel()
			a := newAttacked(t, probe.UDP, is4)
			answers, closed := float64(len(a.genuine())), 1-float64(len(a.open()))/boundTTLs
			expected, below := 0.0, 0.0 // false hops in a million traces
			rest, missed := 1e6, 1.0    // traces in a million with so many valid tags, and their share without an open TTL
			// Five valid tags are too rare to matter: one trace in a hundred billion.
			for _, tags := range []struct{ n, few, many int }{{1, 8000, 2_000_000}, {2, 4000, 100_000}, {3, 1000, 50_000}, {4, 1000, 50_000}} {
				paths := effort.Count(tags.few, tags.many)
				wrong := countBesides(t, is4, tags.n, paths)
				rest *= answers * chanceOfTag(is4) / float64(tags.n)
				missed *= closed
				weight := rest * (1 - missed) / float64(paths)
				expected += float64(wrong) * weight
				below += bound(wrong, 1) * weight
				t.Logf("%d valid tags in each of %d traces: %d false hops", tags.n, paths, wrong)
			}
			t.Logf("%.2g false hops expected in a million traces, and below %.2g with a confidence of 95 %%", expected, below)
			if expected > 1e-2 || effort.Soaking() && below > 1e-2 {
				t.Errorf("%.2g false hops in a million traces, %.2g are ruled out", expected, below)
			}
		})
	}
}

// open returns the TTLs without a strong answer.
func (a *attackedPath) open() (ttls []uint8) {
	strong := uint64(0)
	for _, f := range a.genuine() {
		if f.Valid == probe.Strong {
			strong |= 1 << f.TTL
		}
	}
	for ttl := uint8(1); ttl <= boundTTLs; ttl++ {
		if strong>>ttl&1 == 0 {
			ttls = append(ttls, ttl)
		}
	}
	return ttls
}

// luckyTTLs fills ttls with random TTLs, at least one of which is open.
func (a *attackedPath) luckyTTLs(ttls, open []uint8) {
	for {
		for i := range ttls {
			ttls[i] = uint8(1 + a.rand.IntN(boundTTLs))
		}
		if slices.ContainsFunc(ttls, func(ttl uint8) bool { return slices.Contains(open, ttl) }) {
			return
		}
	}
}

// countBesides runs besides for many paths, on all processors, and returns the number of false
// hops. The paths do not depend on the number of processors.
func countBesides(t *testing.T, is4 bool, tags, paths int) int {
	const parts = 16
	var wrong atomic.Int64
	var workers sync.WaitGroup
	room := make(chan struct{}, runtime.GOMAXPROCS(0))
	for part := range parts {
		a := newAttacked(t, probe.UDP, is4)
		a.rand = newRand(uint64(1000 + 100*tags + part))
		open := a.open()
		workers.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			for range paths/parts + min(1, paths%parts) {
				wrong.Add(int64(a.besides(tags, open)))
			}
		})
	}
	workers.Wait()
	return int(wrong.Load())
}

// besides runs another scan beside ours, whose answers have so many valid tags on the path. At
// least one of them is for an open TTL. It returns how many hops are false.
func (a *attackedPath) besides(tags int, open []uint8) (wrong int) {
	a.begin()
	ttls := make([]uint8, tags)
	a.luckyTTLs(ttls, open)
	answers := a.genuine()
	theirs := a.genuine()
	lucky := a.rand.Perm(len(theirs))[:tags]
	for i := range theirs {
		f := &theirs[i]
		f.Stamp, f.Mangled, f.Valid = forged, 0, probe.Garbled
		n := slices.Index(lucky, i)
		if n < 0 {
			continue
		}
		f.TTL, f.Valid = ttls[n], probe.Weak
		if a.rand.IntN(2) == 0 {
			f.Mangled = probe.MangledIPID
		}
	}
	answers = append(answers, theirs...)
	a.rand.Shuffle(len(answers), func(i, j int) { answers[i], answers[j] = answers[j], answers[i] })
	for i := range answers {
		a.take(&answers[i])
	}
	a.w.Settle()
	for ttl := uint8(1); ttl <= boundTTLs; ttl++ {
		e := a.w.Reply(window.Slot{TTL: ttl})
		// From the router of that very hop, it is true.
		if e != nil && e.Stamp == forged && e.Responder != a.router[ttl] && (e.Responder != a.target || ttl < boundDistance) {
			wrong++
		}
	}
	return wrong
}

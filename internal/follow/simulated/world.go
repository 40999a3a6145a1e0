// Package simulated lets an engine follow targets in the simulated Internet, on a clock of its own,
// and judges what it tells by the truth. Tests and benchmarks use it. Probes are the packets of the
// codec; answers are taken from the simulator, without capture.
package simulated

import (
	"container/heap"
	"net/netip"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/follow/engine"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
)

// Source is the vantage point.
var Source = netip.MustParseAddr("192.0.2.1")

const port = 33434

// wait is how long a probe may be unanswered.
const wait = 2 * time.Second

// World is a network and the means to probe it.
type World struct {
	Sim   *netsim.Sim
	truth *netsim.Truth
	// routes is the truth if balancers never remapped.
	routes *netsim.Truth
	codec  *codec.Codec
	buf    [2048]byte
	// Now is the time, in ns since the first probe.
	Now int64
	// Sent counts probes.
	Sent int
}

// NewWorld returns a network.
func NewWorld(cfg netsim.Config) (*World, error) {
	sim, err := netsim.New(cfg)
	if err != nil {
		return nil, err
	}
	w := &World{Sim: sim, truth: sim.Truth()}
	if w.routes, err = withoutRemaps(cfg); err != nil {
		return nil, err
	}
	w.codec, err = codec.New(codec.Config{
		Method: probe.UDP, Seed: codec.Key{1}, Key: codec.Key{2}, Source4: Source, DstPort: port,
		Flows: engine.MostFlows, MinTTL: 1, MaxTTL: 32, Attempts: probe.MaxAttempts,
	})
	return w, err
}

// Send sends a probe now. ok is false if nothing answers it.
func (w *World) Send(target probe.Addr, flow uint16, ttl uint8) (r engine.Answer, due int64, ok bool) {
	var p codec.Prepared
	w.codec.Prepare(&p, target, flow)
	n := w.codec.Encode(w.buf[:], &p, ttl, uint8(w.Sent%probe.MaxAttempts))
	w.Sent++
	rec := w.Sim.Handle(w.Now, w.buf[:n], func(int64, []byte) {})
	if rec.Fate != netsim.Answered {
		return r, 0, false
	}
	from := rec.Dst()
	if !rec.Target {
		from = w.truth.Router(rec)
	}
	r = engine.Answer{From: probe.AddrFrom(from), Sent: w.Now, RTT: time.Duration(rec.Wait)}
	r.Reached = rec.Target && rec.Answer != netsim.TimeExceeded
	r.End = r.Reached || rec.Answer != netsim.TimeExceeded
	return r, w.Now + int64(rec.Wait), int64(rec.Wait) <= int64(wait)
}

// Path returns the hops of the followed flow of a target at a time, without hops that may be one of
// several, and without silent ones. Probes with a TTL beyond the end are answered by the end.
func (w *World) Path(target probe.Addr, at int64) (path [33]netip.Addr) {
	f := netsim.PortFlow(17, Source, target.Netip(), w.codec.Flow(target, 0).Value, port)
	f.At = time.Duration(at)
	for ttl := uint8(1); ttl <= 32; ttl++ {
		hops := w.truth.AppendHops(nil, &f, ttl)
		if len(hops) == 1 && hops[0].Fate == netsim.Answered {
			path[ttl] = hops[0].Addr
		}
		if !slices.ContainsFunc(hops, func(h netsim.Hop) bool { return !h.End }) {
			if !hops[0].Loop {
				Extend(&path, ttl)
			}
			break
		}
	}
	return path
}

// Extend gives the hop at a TTL, which ends a path, to all greater TTLs.
func Extend(path *[33]netip.Addr, ttl uint8) {
	for t := ttl + 1; int(t) < len(path); t++ {
		path[t] = path[ttl]
	}
}

// Differ reports whether a path that answers has changed: two hops at a TTL are not the same.
func Differ(a, b [33]netip.Addr) bool {
	for ttl := range a {
		if a[ttl].IsValid() && b[ttl].IsValid() && a[ttl] != b[ttl] {
			return true
		}
	}
	return false
}

// flight is a probe on its way.
type flight struct {
	due int64
	ask engine.Ask
	r   engine.Answer
	ok  bool
}

type flights []flight

func (f flights) Len() int           { return len(f) }
func (f flights) Less(i, j int) bool { return f[i].due < f[j].due }
func (f flights) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *flights) Push(x any)        { *f = append(*f, x.(flight)) }
func (f *flights) Pop() any {
	last := (*f)[len(*f)-1]
	*f = (*f)[:len(*f)-1]
	return last
}

// Follow lets an engine follow its targets for a time, with a budget in probes per second.
func (w *World) Follow(e *engine.Engine, budget int, d time.Duration) {
	var air flights
	gap := int64(time.Second) / int64(budget)
	end := w.Now + int64(d)
	for ; w.Now < end; w.Now += gap {
		for len(air) > 0 && air[0].due <= w.Now {
			f := heap.Pop(&air).(flight)
			if f.ok {
				e.Answered(f.ask, f.r, f.due)
			} else {
				e.Silent(f.ask, f.due-int64(wait), false, f.due)
			}
		}
		a, ok := e.Next(w.Now)
		if !ok {
			continue
		}
		r, due, ok := w.Send(e.Targets()[a.Target], a.Flow, a.TTL)
		if !ok {
			due = w.Now + int64(wait)
		}
		heap.Push(&air, flight{due: due, ask: a, r: r, ok: ok})
	}
	// What is on its way comes back, so that the engine may be used again.
	for len(air) > 0 {
		f := heap.Pop(&air).(flight)
		e.Unsent(f.ask, w.Now)
	}
}

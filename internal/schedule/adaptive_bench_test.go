package schedule

import (
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// BenchmarkWindow measures the cost of a schedule in ns a probe, with the stamps, and with all
// its looks at the window. A whole window is sent as fast as a kernel sends, and the answers come
// 300 ms later. Routers answer up to TTL 14. At TTL 15 the target answers, or nothing does.
func BenchmarkWindow(b *testing.B) {
	const rtt, sendNS, routers = int64(300e6), 700, 14
	shape := window.Shape{Targets: 50_000, FirstTTL: 1, LastTTL: 32, Flows: 1, Attempts: 1}
	type answer struct {
		at   int64
		slot window.Slot
	}
	w := window.New(shape)
	net := make([]answer, 0, shape.Targets*shape.TTLs())
	items := make([]window.Item, 64)
	for _, tt := range []struct {
		name   string
		silent func(target uint32) bool
		start  func(Config, StrategyConfig) Schedule
	}{
		{"exhaustive/mixed", isMixed, func(c Config, _ StrategyConfig) Schedule { return NewExhaustive(c) }},
		{"complete/alive", func(uint32) bool { return false }, adaptiveBy(strategies["complete"])},
		{"complete/silent", func(uint32) bool { return true }, adaptiveBy(strategies["complete"])},
		{"complete/mixed", isMixed, adaptiveBy(strategies["complete"])},
		{"topology/mixed", isMixed, adaptiveBy(strategies["topology"])},
	} {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			near := NewDistances(1 << 18)
			probes, busy, spent := 0, time.Duration(0), time.Duration(0)
			for b.Loop() {
				set, ready := window.NewSet(shape), make(chan *window.Window, 1)
				w.Reset()
				w.Open(0)
				for i := range shape.Targets {
					w.Append(addrOf(i))
				}
				set.Put(w)
				known := window.NewStopSet(1 << 12)
				ready <- w
				close(ready)
				s := tt.start(Config{Shape: shape, Wait: time.Second, Ready: ready, Set: set},
					StrategyConfig{GapLimit: 5, Overlap: 3, Distances: near})
				net = net[:0]
				var r probe.Reply
				for now, done := int64(1e18), 0; ; {
					began := time.Now()
					n, next := s.Next(items, now)
					for i := range items[:n] {
						w.Stamp(items[i].Slot, now)
					}
					took := time.Since(began)
					if spent += took; next <= now {
						busy += took
					}
					probes += n
					if next == Done {
						break
					}
					for i := range items[:n] {
						if items[i].TTL <= routers || !tt.silent(items[i].Target) {
							net = append(net, answer{now + rtt, items[i].Slot})
						}
					}
					now = max(now+int64(n)*sendNS, min(next, now+10e6))
					for ; done < len(net) && net[done].at <= now; done++ {
						slot := net[done].slot
						r.Facts = probe.Facts{Probe: probe.Probe{Target: w.Target(int(slot.Target)), TTL: slot.TTL}}
						r.Kind, r.Responder = probe.KindTTLExceeded, routerAt(slot.TTL)
						if slot.TTL > routers {
							r.Kind, r.Responder = probe.KindPortUnreach, r.Target
							r.HasQuote, r.QuotedTTL = true, slot.TTL-routers
						}
						w.Answer(slot, &r)
						w.Learn(slot.Target, &r.Facts, known)
					}
					set.SetMatched(now)
				}
			}
			b.ReportMetric(float64(busy.Nanoseconds())/float64(probes), "busy-ns/probe")
			b.ReportMetric(float64(spent.Nanoseconds())/float64(probes), "ns/probe")
			b.ReportMetric(float64(probes)/float64(b.N*shape.Targets), "probes/target")
		})
	}
}

func isMixed(target uint32) bool { return target%8 != 0 }

func adaptiveBy(s func(StrategyConfig) Strategy) func(Config, StrategyConfig) Schedule {
	return func(c Config, sc StrategyConfig) Schedule { return NewAdaptive(c, s(sc)) }
}

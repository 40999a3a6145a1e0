package compare

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// world makes traces by the truth of a simulated network, without packets.
type world struct {
	truth *netsim.Truth
	rand  *rand.Rand
	ports int // the first source port
	loss  float64
}

func newWorld(t *testing.T, preset string, seed uint64, options ...string) *world {
	t.Helper()
	cfg, err := netsim.Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(options); i += 2 {
		if err := cfg.SetOption(options[i], options[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	truth, err := netsim.NewTruth(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &world{truth: truth, rand: rand.New(rand.NewPCG(seed, 1)), ports: 20000 + int(seed)*1000, loss: cfg.LossForward + cfg.LossReply}
}

var vantage = netip.MustParseAddr("192.0.2.1")

// trace returns the trace of a scan to a target: a random flow, losses and limits.
func (w *world) trace(target netip.Addr, index uint16) *record.Trace {
	f := netsim.PortFlow(17, vantage, target, uint16(w.ports+w.rand.IntN(1000)), 33434)
	t := &record.Trace{Head: record.Head{Target: probe.AddrFrom(target), FlowIndex: index}, FirstTTL: 1}
	for ttl := uint8(1); ttl <= 32; ttl++ {
		hops := w.truth.AppendHops(nil, &f, ttl)
		h := hops[w.rand.IntN(len(hops))]
		if h.Fate == netsim.Answered && w.rand.Float64() >= w.loss && !(h.Limited && w.rand.IntN(4) == 0) {
			rtt := h.RTT
			if h.RTTMax > h.RTT {
				rtt += w.truth.Config().Jitter * 2 / 3
			}
			hop := record.Hop{Sent: 1, RTT: int64(rtt) + 1}
			hop.TTL, hop.Responder = ttl, probe.AddrFrom(h.Addr)
			t.Hops = append(t.Hops, hop)
			if h.Target {
				t.StopReason, t.Reached, t.End = record.StopCompleted, true, ttl
				break
			}
			if h.Answer != netsim.TimeExceeded {
				t.StopReason, t.StopData, t.End = record.StopUnreach, h.Code, ttl
				break
			}
		}
		if h.Loop || h.End {
			break
		}
	}
	return t
}

// targets returns addresses in /16s, several in each of some /24s.
func targets(r *rand.Rand, nets, subnets, each int) (list []netip.Addr) {
	for range nets {
		a, b := [...]byte{45, 80, 100, 151}[r.IntN(4)], byte(r.IntN(256))
		for range subnets {
			c := byte(r.IntN(256))
			for range each {
				list = append(list, netip.AddrFrom4([4]byte{a, b, c, byte(1 + r.IntN(254))}))
			}
		}
	}
	return list
}

// possible returns the routers that answer to a target, over all flows.
func (w *world) possible(target netip.Addr) map[probe.Addr]bool {
	f := netsim.PortFlow(17, vantage, target, 1, 33434)
	all := map[probe.Addr]bool{}
	for ttl := uint8(1); ttl <= 32; ttl++ {
		for _, h := range w.truth.AppendPossible(nil, &f, ttl) {
			all[probe.AddrFrom(h.Addr)] = true
		}
	}
	return all
}

// shows reports whether a trace has a router that another network does not have on the way.
func shows(t *record.Trace, other *world) bool {
	possible := other.possible(t.Target.Netip())
	return slices.ContainsFunc(t.Hops, func(h record.Hop) bool { return !possible[h.Responder] })
}

// compared compares scans of both networks. affected are the targets whose routes are other ones,
// and whose traces show it.
func compared(old, fresh *world, list []netip.Addr, flows int) (r *Result, affected map[netip.Addr]bool) {
	b := NewBuilder(ByTarget)
	affected = map[netip.Addr]bool{}
	for _, target := range list {
		for i := range flows {
			x, y := old.trace(target, uint16(i)), fresh.trace(target, uint16(i))
			b.AddOld(x)
			b.AddNew(y)
			if fresh.truth.Reroutes(target) && shows(x, fresh) && shows(y, old) {
				affected[target] = true
			}
		}
	}
	return b.Result(), affected
}

// Two scans of the same network show no change, with balancers of every kind.
func TestNoChange(t *testing.T) {
	for _, preset := range []string{"clean", "default", "multipath", "multipath-hostile", "perpacket", "loss", "silent", "limited", "delayed", "nat", "noise", "loops"} {
		for seed := range uint64(effort.Count(2, 8)) {
			t.Run(fmt.Sprint(preset, seed), func(t *testing.T) {
				t.Parallel()
				list := targets(rand.New(rand.NewPCG(seed, 2)), 60, 5, 4)
				r, _ := compared(newWorld(t, preset, 2*seed), newWorld(t, preset, 2*seed+1), list, 1+int(seed)%3)
				if len(r.Changes)+len(r.Shifts)+len(r.Verdicts) > 0 {
					t.Errorf("%d changes, %d shifts, %d verdicts: %+v", len(r.Changes), len(r.Shifts), len(r.Verdicts), r.Changes)
				}
				if balanced := preset == "default" || preset == "perpacket" || strings.HasPrefix(preset, "multipath"); balanced && r.OtherBranch == 0 {
					t.Error("no target has another branch: the test shows nothing")
				}
			})
		}
	}
}

// If routes change, exactly the affected targets change.
func TestReroute(t *testing.T) {
	for _, preset := range []string{"clean", "default", "multipath", "multipath-hostile", "perpacket", "loss", "limited", "silent"} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			var right, wrong, missed int
			for seed := range uint64(effort.Count(1, 3)) {
				old, fresh := newWorld(t, preset, 2*seed), newWorld(t, preset, 2*seed+1, "reroute", "0s")
				list := targets(rand.New(rand.NewPCG(seed, 3)), 60, 12, 4)
				changed := map[netip.Addr]bool{}
				r, affected := compared(old, fresh, list, 1)
				for _, c := range r.Changes {
					changed[c.Target] = true
				}
				for _, a := range list {
					switch {
					case affected[a] && changed[a]:
						right++
					case affected[a]:
						missed++
					case changed[a] && !fresh.truth.Reroutes(a):
						wrong++
					}
				}
			}
			precision, recall := float64(right)/float64(right+wrong), float64(right)/float64(right+missed)
			t.Logf("%d changes found, %d false, %d missed: precision %.4f, recall %.4f", right, wrong, missed, precision, recall)
			least := 0.99
			if preset == "silent" {
				least = 0.95 // too few routers answer for some prefixes
			}
			if precision < 0.99 || recall < least || right < 100 {
				t.Errorf("precision %.4f, recall %.4f", precision, recall)
			}
		})
	}
}

package scan

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/faulty"
	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/sender"
)

// guessed is a scan of a network with attackers, and its traces.
type guessed struct {
	*internet
	traces []record.Trace
}

// newGuessed scans some targets of a network.
func newGuessed(t *testing.T, cfg netsim.Config, a attackedScan, targets int) *guessed {
	t.Helper()
	g := &guessed{internet: newInternet(t, cfg)}
	c := config("45.16.0.0/16")
	if !a.is4 {
		c = config("2a00:16::/36")
	}
	c.Seed, c.Key, c.Method, c.Attempts, c.MaxTargets = fmt.Sprint("guessed", cfg.Seed), strings.Repeat("5a", 16), a.method, a.attempts, uint64(targets)
	c.Strategy.Strategy, c.RatePPS, c.Records, c.Sinks = a.strategy, 5*float64(targets), record.Traces, []format.Writer{(*sink)(g)}
	if a.method != probe.UDP {
		c.DstPort = 80
	}
	s, err := newScan(t.Context(), &c)
	if err != nil {
		t.Fatal(err)
	}
	s.newSleeper = func(time.Duration) sender.Sleeper { return faulty.Sleeper{Clock: s.time.Clock} }
	s.plan.Source4, s.plan.Source6 = guessed4, guessed6
	built, err := codec.New(s.plan.CodecConfig())
	if err != nil {
		t.Fatal(err)
	}
	s.session = g.Session(built)
	s.session.Paths = &session.Paths{Source4: guessed4, Source6: guessed6}
	s.session.Ports, s.session.Live = []sender.Port{g.internet}, live{g.internet}
	if s.files, err = fileset.Create(s.cfg.paths(), new(bytes.Buffer), outfile.Keep); err != nil {
		t.Fatal(err)
	}
	if err := s.run(t.Context(), context.Background()); err != nil {
		t.Fatal(err)
	}
	return g
}

// sink keeps the traces.
type sink guessed

func (k *sink) Write(r record.Record) error {
	if trace, ok := r.(*record.Trace); ok {
		kept := *trace
		kept.Hops, kept.Withheld = slices.Clone(trace.Hops), slices.Clone(trace.Withheld)
		k.traces = append(k.traces, kept)
	}
	return nil
}

func (*sink) Flush() error { return nil }

// tally is what an attacker achieved.
type tally struct {
	paths, lucky               int
	falseHops, early           int
	strong, lost               int // answers that one tag alone does not prove, and those that are no hops
	short, lostShort, withheld int
}

func (g *guessed) judge(t *testing.T) (n tally) {
	c := g.sim.Counters()
	n.lucky = int(c.Attacks[netsim.LuckyGuess])
	for i := range g.traces {
		r := &g.traces[i]
		n.paths++
		n.withheld += len(r.Withheld)
		found := map[uint8]bool{}
		for j := range r.Hops {
			h := &r.Hops[j]
			if h.Responder == g.truth[spot{r.Target, h.TTL}].from {
				found[h.TTL] = true
			} else {
				n.falseHops++
			}
		}
		end := g.reached[r.Target]
		if last := uint8(r.End); end == 0 || last < end && r.StopReason != record.StopGapLimit {
			n.early++
			continue
		}
		for ttl := uint8(1); ttl <= end; ttl++ {
			switch a, ok := g.truth[spot{r.Target, ttl}]; {
			case !ok:
			case a.short:
				if n.short++; !found[ttl] {
					n.lostShort++
				}
			default:
				if n.strong++; !found[ttl] {
					n.lost++
				}
			}
		}
	}
	if c.Spared != 0 || len(g.traces) == 0 {
		t.Fatalf("%d probes were not attacked, %d traces", c.Spared, len(g.traces))
	}
	return n
}

// attackedScan is a way to scan a network with attackers.
type attackedScan struct {
	method   probe.Method
	is4      bool
	strategy string
	attempts int
	delay    time.Duration
}

func (a attackedScan) String() string {
	family := "IPv6"
	if a.is4 {
		family = "IPv4"
	}
	return fmt.Sprintf("%v %s %s, %d attempts, %v", a.method, family, a.strategy, a.attempts, a.delay)
}

// isGuessable reports whether a guess has 32 bits to hit, and not 64 more.
func (a attackedScan) isGuessable() bool { return a.is4 || !a.method.HasSeal6() }

// run scans some targets. Each path gets guesses for four seconds, and some that are lucky.
func (a attackedScan) run(t *testing.T, targets, guesses, lucky int) (n tally) {
	cfg, err := netsim.Preset("clean")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Seed = effort.Seed(t)
	cfg.Delay, cfg.Jitter, cfg.SilentRouters = a.delay, 3*time.Millisecond, 0.25
	cfg.Guesses, cfg.GuessTime, cfg.Lucky = guesses, 4*time.Second, lucky
	synctest.Test(t, func(t *testing.T) { n = newGuessed(t, cfg, a, targets).judge(t) })
	return n
}

// An attacker who knows target and flow, and not the key, sends up to a million guesses for a path,
// for as long as it is probed. The whole scan runs, on a virtual clock. docs/threat-model.md has the
// bounds: at most 10⁻³ false hops a path, no trace ends early, at most 1 % of the strong hops are
// lost. Answers come before they are late, or there are two attempts.
func TestFloodedScan(t *testing.T) {
	const soon, slow = 200 * time.Millisecond, 270 * time.Millisecond
	for i, a := range []attackedScan{
		{probe.UDP, true, plan.Complete, 1, soon},
		{probe.ICMP, false, plan.Exhaustive, 1, slow},
		{probe.TCPSYN, false, plan.Complete, 2, slow},
		{probe.UDP, true, plan.Complete, 2, slow},
		{probe.UDP, false, plan.Complete, 1, slow},
		{probe.ICMP, true, plan.Complete, 1, soon},
		{probe.TCPSYN, true, plan.Topology, 1, soon},
		{probe.TCPACK, true, plan.Complete, 1, soon},
	} {
		if i >= 3 && !effort.Soaking() {
			continue
		}
		t.Run(a.String(), func(t *testing.T) {
			t.Parallel()
			guesses := effort.Count(20_000, 1_000_000)
			n := a.run(t, effort.Count(3, 10), guesses, 0)
			t.Logf("%d guesses a path: %+v", guesses, n)
			// The mean is at most 0.01. So more than two come with a probability below 2·10⁻⁷.
			if n.falseHops > 2 || n.early > n.falseHops || 100*n.lost > n.strong {
				t.Error("more than the bounds")
			}
			if !a.isGuessable() {
				return
			}
			// A guess with all tags of a probe comes once in 2³² for each probe. The test makes
			// it happen, and weighs it.
			const lucky = netsim.MostLucky
			l := a.run(t, effort.Count(3, 20), guesses, lucky)
			each := float64(guesses) * netsim.LuckyTTLs * netsim.LuckyTries / (1 << 32) / float64(l.paths*lucky)
			t.Logf("%d lucky guesses on %d paths: %.2g false hops and %.2g lost hops a path; a trace ends early on %.2g of them: %+v",
				l.lucky, l.paths, each*float64(l.falseHops), each*float64(l.lost), each*float64(l.early), l)
			if l.lucky == 0 || each*float64(l.falseHops) > 1e-3 || l.early > l.falseHops {
				t.Error("more than the bounds")
			}
		})
	}
}

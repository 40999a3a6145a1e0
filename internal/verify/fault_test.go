package verify

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/wire"
)

// is selects one probe in the middle, for a fault.
func is(target probe.Addr, ttl uint8) func(probe.Probe) bool {
	return func(p probe.Probe) bool { return p.Target == target && p.TTL == ttl && p.Attempt == 0 && p.Flow == 0 }
}

// hopsOf applies change to the hops of every trace.
func hopsOf(change func(h *record.Hop)) func([]*record.Trace) {
	return func(traces []*record.Trace) {
		for _, t := range traces {
			for i := range t.Hops {
				change(&t.Hops[i])
			}
		}
	}
}

// TestFaults checks that each fault is found and gets the right name.
func TestFaults(t *testing.T) {
	some := (&prober{targets: 40}).destinations()[3]
	noise := probe.AddrFrom(netip.MustParseAddr("215.130.7.9"))
	tests := []struct {
		name    string
		prober  prober
		bad     bool // not OK
		example string
		found   func(r *Report) bool
	}{
		{"wrong TTL", prober{alter: hopsOf(func(h *record.Hop) {
			if h.TTL == 5 {
				h.TTL, h.Probe.TTL = 6, 6
			}
		})}, true, "impossible", func(r *Report) bool { return r.Hops.Impossible+r.Hops.NoAnswer == 80 }},
		{"noise address", prober{alter: hopsOf(func(h *record.Hop) {
			if h.TTL == 3 && h.Target == some {
				h.Responder = noise
			}
		})}, true, "impossible", func(r *Report) bool { return r.Hops.Impossible == 1 && r.Recall.Missing.Lost == 1 }},
		{"another flow's hops", prober{flows: 2, alter: func(traces []*record.Trace) {
			for i := 0; i < len(traces); i += 2 {
				traces[i].Hops, traces[i+1].Hops = traces[i+1].Hops, traces[i].Hops
			}
		}}, true, "of another flow", func(r *Report) bool { return r.Hops.OtherFlow > 20 && r.Hops.NoProbe == 0 }},
		{"a flow that was not probed", prober{alter: func(traces []*record.Trace) { traces[7].Flow.Value++ }},
			true, "of no probe", func(r *Report) bool { return r.Hops.NoProbe > 5 && r.Ends.NotProbed == 1 }},
		{"a TTL that was not probed", prober{alter: func(traces []*record.Trace) {
			h := traces[7].Hops[len(traces[7].Hops)-1]
			h.TTL = 40
			traces[7].Hops = append(traces[7].Hops, h)
		}}, true, "of no probe", func(r *Report) bool { return r.Hops.NoProbe == 1 }},
		{"missing hops", prober{alter: func(traces []*record.Trace) {
			for _, t := range traces {
				t.Hops = append(t.Hops[:1], t.Hops[2:]...)
			}
		}}, false, "missing", func(r *Report) bool { return r.Recall.Missing.Lost == 80 && r.Recall.Share < 0.95 }},
		{"a missing trace", prober{alter: func(traces []*record.Trace) { *traces[4] = *traces[5] }},
			true, "missing", func(r *Report) bool { return r.Recall.Missing.NoTrace > 5 && r.Ends.Again == 1 }},
		{"doubled probe", prober{resend: is(some, 4)},
			true, "probed twice", func(r *Report) bool { return r.Repeats.Identical == 1 && r.Repeats.Excess == 1 }},
		{"a retry after an answer", prober{attempts: 2, again: func(p probe.Probe) bool {
			return p.Target == some && p.TTL == 4
		}}, true, "retried though answered", func(r *Report) bool { return r.Repeats.Answered == 1 && r.Repeats.Identical == 0 }},
		{"unstable flow", prober{another: is(some, 7)},
			true, "unstable flow", func(r *Report) bool { return r.Paris.Unstable == 1 && r.Paris.Surplus == 1 }},
		{"unstable TOS", prober{spoil: func(p probe.Probe, b []byte) {
			if p.Target == some && !some.Is4() && p.TTL == 9 {
				b[0] |= 2
			}
		}}, true, "unstable flow", func(r *Report) bool { return r.Paris.Unstable == 1 }},
		{"wrong checksum", prober{spoil: func(p probe.Probe, b []byte) {
			if p.Target == some && p.TTL == 9 {
				b[len(b)-1] ^= 1
			}
		}}, true, "", func(r *Report) bool { return r.Probes.Invalid["bad-checksum"] == 1 }},
		{"sent too few", prober{preset: "loss", total: func(s *record.Summary) { s.Sent--; s.Silent--; s.FirstSent--; s.Skipped.Reached++ }},
			true, "summary", func(r *Report) bool { return r.Sums.Lines[0].Fault && r.Sums.Unbalanced == "" }},
		{"answered too many", prober{preset: "loss", total: func(s *record.Summary) { s.Answered++; s.Silent--; s.Strong++; s.Frames++ }},
			true, "summary", func(r *Report) bool { return r.Sums.Lines[1].Fault && r.Sums.Unbalanced == "" }},
		{"sums that do not add up", prober{total: func(s *record.Summary) { s.Silent-- }},
			true, "", func(r *Report) bool { return r.Sums.Unbalanced != "" }},
		{"findings of another file", prober{total: func(s *record.Summary) {
			f := s.Findings
			*f = record.Findings{Traces: f.Traces + 1, Reached: f.Reached - 1, Ends: map[string]uint64{"LOOP": f.Traces + 1},
				Interfaces: f.Interfaces * 21 / 20, Links: f.Links * 19 / 20, MedianPath: f.MedianPath + 1, LongestPath: 40}
		}}, true, "summary", func(r *Report) bool { return countFaults(r.Sums.Findings) == 8 }},
		{"an interface too many", prober{total: func(s *record.Summary) { s.Findings.Interfaces++ }},
			false, "", func(r *Report) bool { return countFaults(r.Sums.Findings) == 0 }},
		{"no findings", prober{total: func(s *record.Summary) { s.Findings = nil }},
			false, "", func(r *Report) bool { return r.Sums.Findings == nil }},
		{"weak called strong", prober{alter: hopsOf(func(h *record.Hop) { h.Valid = probe.Strong })},
			false, "valid", func(r *Report) bool { return r.Hops.Class.WrongValid > 50 && r.Hops.Class.WrongMangled == 0 }},
		{"mangled not named", prober{preset: "nat", alter: hopsOf(func(h *record.Hop) { h.Mangled = 0 })},
			false, "mangled", func(r *Report) bool { return r.Hops.Class.WrongMangled > 50 }},
		{"another kind", prober{alter: hopsOf(func(h *record.Hop) {
			if h.Kind == probe.KindPortUnreach {
				h.Kind = probe.KindHostUnreach
			}
		})}, false, "kind", func(r *Report) bool { return r.Hops.Class.WrongKind > 30 }},
		{"another TTL of the reply", prober{alter: hopsOf(func(h *record.Hop) { h.ReplyTTL-- })},
			false, "detail", func(r *Report) bool { return r.Hops.Class.WrongDetail > 500 }},
		{"too short", prober{alter: func(traces []*record.Trace) {
			for _, t := range traces[:10] {
				t.StopReason, t.End = record.StopHopLimit, 32
			}
			traces[11].End--
			traces[12].Reached = false
		}}, false, "stop reason", func(r *Report) bool {
			return r.Ends.WrongReason == 10 && r.Ends.WrongDistance == 1 && r.Ends.WrongReached == 1
		}},
		{"another code", prober{preset: "loops", alter: func(traces []*record.Trace) {
			for _, t := range traces {
				if t.StopReason == record.StopUnreach {
					t.StopData++
				}
			}
		}}, false, "stop data", func(r *Report) bool { return r.Ends.WrongCode > 5 && r.Ends.WrongReason == 0 }},
		{"slow clock", prober{preset: "delayed", alter: hopsOf(func(h *record.Hop) { h.RTT += 5e6 })},
			false, "", func(r *Report) bool { return r.Hops.RTT.MedianMS == 5 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.prober.preset == "" {
				tt.prober.preset = "clean"
			}
			r := tt.prober.check(t, nil)
			if r.OK() == tt.bad || !tt.found(r) || tt.example != "" && !hasExample(r, tt.example) {
				t.Errorf("OK %v, faults %q\n%+v\nends %+v", r.OK(), r.Faults, *r, r.Ends)
				for _, e := range r.Examples {
					t.Logf("%s: %s", e.Kind, e.Text)
				}
			}
		})
	}
}

// countFaults returns how many sums are faults.
func countFaults(list []Sum) (n int) {
	for _, l := range list {
		if l.Fault {
			n++
		}
	}
	return n
}

// TestNoAnswer checks that a hop that is correct by chance is found: the router is at that place,
// but did not answer.
func TestNoAnswer(t *testing.T) {
	p := &prober{preset: "loss", only4: true}
	made := 0
	p.alter = func(traces []*record.Trace) {
		for _, tr := range traces {
			for _, s := range tr.Silent {
				f := netsim.PortFlow(17, own4, tr.Target.Netip(), tr.Flow.Value, 33434)
				h := tr.Hops[0]
				h.TTL, h.Attempt = s.TTL, s.Attempt
				h.Responder = probe.AddrFrom(p.sim.Truth().AppendHops(nil, &f, s.TTL)[0].Addr)
				tr.Hops = append(tr.Hops, h)
				made++
			}
		}
	}
	r := p.check(t, nil)
	if made == 0 || r.OK() || r.Hops.NoAnswer != uint64(made) || r.Hops.False() != uint64(made) {
		t.Errorf("%d made up, %+v", made, r.Hops)
	}
}

// TestOutside checks that a probe to an excluded address is found.
func TestOutside(t *testing.T) {
	p := &prober{preset: "clean"}
	results, log := p.run(t)
	var all, one target.Lines
	for i, d := range p.destinations() {
		lines := &all
		if i == 5 {
			lines = &one
		}
		if err := lines.Read("list", reader(d.String()+"\n")); err != nil {
			t.Fatal(err)
		}
	}
	whole := all.Set().Union(one.Set())
	if r := compareBytes(t, results, log, &whole); !r.OK() || r.Probes.Outside != 0 {
		t.Errorf("%q", r.Faults)
	}
	some := all.Set()
	if r := compareBytes(t, results, log, &some); r.OK() || r.Probes.Outside != testMaxTTL || !hasExample(r, "outside") {
		t.Errorf("%q", r.Faults)
	}
}

// A kernel's own packets, with TTL 64 and more, do not count as probes.
func TestOthers(t *testing.T) {
	p := &prober{preset: "clean", only4: true, spoil: func(pr probe.Probe, b []byte) {
		if pr.TTL == 30 && pr.Target.Is4() {
			b[wire.V4TTL] = 64
			binary.BigEndian.PutUint16(b[wire.V4Checksum:], 0)
			binary.BigEndian.PutUint16(b[wire.V4Checksum:], wire.Checksum(wire.Sum(b[:wire.V4Len], 0)))
		}
	}, total: func(s *record.Summary) { s.Sent -= 40; s.Silent -= 40; s.FirstSent -= 40; s.Skipped.Reached += 40 }}
	r := p.check(t, nil)
	if r.Probes.Others != 40 || r.Probes.Sent != 40*(testMaxTTL-1) {
		t.Errorf("%+v %q", r.Probes, r.Faults)
	}
}

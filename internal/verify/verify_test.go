package verify

import (
	"fmt"
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// TestRight checks that correct results have no faults, in any preset.
func TestRight(t *testing.T) {
	for _, preset := range netsim.PresetNames() {
		for _, method := range []probe.Method{probe.UDP, probe.ICMP} {
			t.Run(fmt.Sprintf("%s/%s", preset, method), func(t *testing.T) {
				p := &prober{preset: preset, method: method, flows: 2, attempts: 2, records: record.Both}
				r := p.check(t, nil)
				if !r.OK() {
					t.Errorf("faults %q", r.Faults)
				}
				h := &r.Hops
				if h.Judged == 0 || h.True != h.Judged || r.Replies == nil || r.Replies.True != r.Replies.Judged {
					t.Errorf("hops %+v, replies %+v", h, r.Replies)
				}
				c := h.Class
				if c.Judged == 0 || c.WrongValid+c.WrongMangled+c.WrongKind+c.WrongDetail+c.Unexplained+c.ShouldBeGone > 0 {
					t.Errorf("class %+v", c)
				}
				if m := r.Recall.Missing; m.Lost+m.Late+m.NoTrace > 0 || share(r.Recall.Found+m.RuledOut, r.Recall.Answers) < 0.99 {
					t.Errorf("recall %+v", r.Recall)
				}
				if e := r.Ends; e.Right != e.Traces || e.WrongReached+e.Gaps > 0 {
					t.Errorf("ends %+v", e)
				}
				// A checksum of random octets is a valid tag by chance, once in 2⁸.
				if s := r.Sums; s.OffPoints > 0.2 || s.OffPoints < -0.01 || s.TracesWrongSent > 0 {
					t.Errorf("sums %+v", s)
				}
				if t.Failed() {
					for _, e := range r.Examples {
						t.Logf("%s: %s", e.Kind, e.Text)
					}
				}
			})
		}
	}
}

// TestReplies checks a file that contains only reply records.
func TestReplies(t *testing.T) {
	r := (&prober{preset: "clean", records: record.Replies}).check(t, nil)
	if !r.OK() || r.Format != Masstrace || r.Hops.Judged == 0 || r.Recall.Share != 1 || r.Recall.Beyond != 0 || r.Ends != nil {
		t.Errorf("%+v", r)
	}
}

// TestWithheldReplies checks that a reply record which claims no hop is not a false one.
func TestWithheldReplies(t *testing.T) {
	for _, withheld := range []bool{true, false} {
		r := (&prober{preset: "clean", records: record.Replies, replies: func(_ *record.Head, h *record.Hop) {
			if h.TTL == 5 {
				h.TTL, h.Probe.TTL, h.Withheld = 40, 40, withheld
			}
		}}).check(t, nil)
		h := r.Hops
		if r.OK() != withheld || h.Withheld+h.False() == 0 || (h.False() == 0) != withheld || h.True+h.Withheld+h.False() != h.Judged {
			t.Errorf("withheld %v: OK %v, %+v", withheld, r.OK(), h)
		}
	}
}

// TestCut checks a file whose writer was killed: its complete records are judged.
func TestCut(t *testing.T) {
	results, log := (&prober{preset: "clean"}).run(t)
	r := compareBytes(t, results[:len(results)/2], log, nil)
	if !r.OK() || !r.Cut || r.Recall.Share != 1 || r.Recall.NoTrace == 0 || r.Sums != nil {
		t.Errorf("%v %+v", r.Faults, r.Recall)
	}
	r = compareBytes(t, results, log[:len(log)*2/3], nil)
	if r.OK() || !r.Probes.Cut || r.Hops.NoProbe == 0 {
		t.Errorf("half a log: %v", r.Faults)
	}
}

// hasExample reports whether there is an example of that kind.
func hasExample(r *Report, kind string) bool {
	return slices.ContainsFunc(r.Examples, func(e Example) bool { return e.Kind == kind })
}

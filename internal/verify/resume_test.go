package verify

import (
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Probes that a killed process sent, and another one again, are not a fault, and in no
// count.
func TestResumed(t *testing.T) {
	for _, records := range []record.Kinds{record.Traces, record.Both} {
		p := prober{preset: "default", attempts: 2, abandon: true, records: records}
		r := p.check(t, nil)
		if !r.OK() || r.Probes.Abandoned == 0 || r.Recall.Share != 1 || r.Sums.Lines[0].Is != p.count.Sent {
			t.Errorf("%v: faults %v, %d abandoned, recall %v, sums %+v; want none, some, 1, and what was sent again",
				records, r.Faults, r.Probes.Abandoned, r.Recall.Share, r.Sums.Lines)
		}
	}
}

// A probe that was sent twice since then is a fault.
func TestResumedTwice(t *testing.T) {
	some := (&prober{targets: 40}).destinations()[60]
	p := prober{preset: "clean", abandon: true, resend: func(pr probe.Probe) bool { return pr.Target == some && pr.TTL == 4 }}
	if r := p.check(t, nil); r.Repeats.Identical != 1 {
		t.Errorf("%d probes twice, want 1", r.Repeats.Identical)
	}
}

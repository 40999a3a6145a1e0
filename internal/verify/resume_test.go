package verify

import (
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Probes that a process sent before it was killed, and that another process repeated, are not a
// fault and are in no count.
func TestResumed(t *testing.T) {
	for _, records := range []record.Kinds{record.Traces, record.Both} {
		p := prober{preset: "default", attempts: 2, abandon: true, records: records}
		r := p.check(t, nil)
		if !r.OK() || r.Probes.Abandoned == 0 || r.Recall.Share != 1 || r.Sums.Lines[0].Is != p.count.Sent {
			t.Errorf("%v: faults %v, %d abandoned, recall %v, sums %+v; want none, some, 1, and the repeated probes",
				records, r.Faults, r.Probes.Abandoned, r.Recall.Share, r.Sums.Lines)
		}
	}
}

// Probes that were repeated after the resumption are a fault.
func TestResumedTwice(t *testing.T) {
	some := (&prober{targets: 40}).destinations()[60]
	p := prober{preset: "clean", abandon: true, resend: func(pr probe.Probe) bool { return pr.Target == some && pr.TTL == 4 }}
	if r := p.check(t, nil); r.Repeats.Identical != 1 {
		t.Errorf("%d probes twice, want 1", r.Repeats.Identical)
	}
}

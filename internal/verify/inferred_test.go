package verify

import (
	"testing"

	"github.com/masstrace/masstrace/internal/record"
)

// Inferred hops are compared with the possible hops, and are in no count of measured hops.
func TestInferred(t *testing.T) {
	const moved, wrong = 5, 3
	plain := (&prober{preset: "clean"}).check(t, nil)
	r := (&prober{preset: "clean", alter: func(traces []*record.Trace) {
		for _, t := range traces[:moved] {
			t.Inferred = append(t.Inferred, record.Interface{TTL: t.Hops[0].TTL, Addr: t.Hops[0].Responder})
			t.Hops = t.Hops[1:]
		}
		for _, t := range traces[moved:][:wrong] {
			t.Inferred = append(t.Inferred, record.Interface{TTL: t.Hops[1].TTL, Addr: t.Hops[0].Responder})
		}
	}}).check(t, nil)
	if i := r.Inferred; i == nil || i.Hops != moved+wrong || i.True != moved || i.False() != wrong || plain.Inferred != nil {
		t.Fatalf("inferred %+v", i)
	}
	if !r.OK() || r.Hops.Judged != plain.Hops.Judged-moved || r.Hops.True != r.Hops.Judged {
		t.Errorf("faults %q, hops %+v", r.Faults, r.Hops)
	}
	if r.Recall.Answers != plain.Recall.Answers || r.Recall.Found != plain.Recall.Found-moved {
		t.Errorf("recall %+v, %+v without any inferred", r.Recall, plain.Recall)
	}
	if !hasExample(r, "inferred, impossible") {
		t.Errorf("examples %+v", r.Examples)
	}
}

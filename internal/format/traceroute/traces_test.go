package traceroute

import (
	"bytes"
	"errors"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// hopAt returns the answer of a router at a TTL, attempt 0.
func hopAt(ttl uint8) record.Hop {
	h := udp4Hop(ttl)
	h.Responder, h.RTT = probe.Addr4From([4]byte{192, 0, 2, ttl}), int64(ttl)*1e6
	return h
}

// silentAt returns a probe at each TTL that was not answered.
func silentAt(ttls ...uint8) (list []record.TTLAttempt) {
	for _, ttl := range ttls {
		list = append(list, record.TTLAttempt{TTL: ttl})
	}
	return list
}

// Rows without an answer are folded, TTLs that were not probed have none, and the end says why.
func TestTraces(t *testing.T) {
	head := record.Head{Target: target4, ProbeSize: 44}
	second := hopAt(3)
	second.Attempt, second.RTT = 1, 3.5e6
	traces := []record.Record{
		&record.Run{},
		&record.Trace{
			Head: head, FirstTTL: 1, MaxTTL: 32, Hops: []record.Hop{hopAt(1), hopAt(3), second, hopAt(7)}, Silent: silentAt(2, 4, 5, 6),
			Result: record.Result{End: 7, StopReason: record.StopCompleted},
		},
		&record.Trace{
			Head: head, FirstTTL: 1, MaxTTL: 9, Hops: []record.Hop{hopAt(2)}, Silent: silentAt(1, 3, 4, 5),
			Result: record.Result{End: 5, StopReason: record.StopGapLimit},
		},
		&record.Trace{Head: head, FirstTTL: 1, MaxTTL: 3, Silent: silentAt(1, 2, 3), Result: record.Result{StopReason: record.StopHopLimit}},
		&record.Trace{
			Head: head, FirstTTL: 1, MaxTTL: 32, FirstHop: 4, Hops: []record.Hop{hopAt(3), hopAt(4)},
			Inferred: []record.Interface{{TTL: 2, Addr: probe.Addr4From([4]byte{192, 0, 2, 99})}},
			Result:   record.Result{End: 4, StopReason: record.StopCompleted},
		},
		&record.Trace{Head: record.Head{Target: target4, FlowIndex: 2}, FirstTTL: 1, Bare: true, Hops: []record.Hop{hopAt(1), hopAt(4)}},
		&record.Summary{},
	}
	var b bytes.Buffer
	w := NewTraces(Writer{Out: &b})
	for _, r := range traces {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	golden(t, "traces.txt", b.Bytes())
}

// full is a disk that is.
type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTracesError(t *testing.T) {
	w := NewTraces(Writer{Out: full{}, Extensions: true})
	for range 2 {
		if err := w.Write(&record.Trace{FirstTTL: 1, Hops: []record.Hop{hopAt(1)}}); !errors.Is(err, errFull) {
			t.Errorf("%v", err)
		}
	}
	if err := w.Flush(); !errors.Is(err, errFull) {
		t.Errorf("%v", err)
	}
}

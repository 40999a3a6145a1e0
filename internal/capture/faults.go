package capture

import "github.com/masstrace/masstrace/internal/window"

// Faults keeps when this machine was at fault: in Set for the records, and in Capture,
// so that a replay has them too.
type Faults struct {
	Set     *window.Faults
	Capture *Capture // nil if no capture is wanted
}

// Kinds of fault in the notes of a capture.
const (
	faultDrops = "drops"
	faultLag   = "lag"
	faultStall = "stall"
)

// Fault is a fault in the notes of a capture, between two times of the run in ns.
type Fault struct {
	Kind   string `json:"kind"`
	FromNS int64  `json:"from_ns"`
	ToNS   int64  `json:"to_ns"`
}

// AddTo adds the fault, if it is of a kind that is known.
func (n *Fault) AddTo(f *window.Faults) {
	switch n.Kind {
	case faultDrops:
		f.Drops.Add(n.FromNS, n.ToNS)
	case faultLag:
		f.Lags.Add(n.FromNS, n.ToNS)
	case faultStall:
		f.Stalls.Add(n.FromNS, n.ToNS)
	}
}

// Dropped implements receiver.Faults.
func (f Faults) Dropped(from, to int64) { f.received(faultDrops, from, to) }

// Lagged implements receiver.Faults.
func (f Faults) Lagged(from, to int64) { f.received(faultLag, from, to) }

// received adds a fault that the receiver's goroutine found.
func (f Faults) received(kind string, from, to int64) {
	n := &Fault{kind, from, to}
	n.AddTo(f.Set)
	if f.Capture != nil {
		f.Capture.note(to, Note{Fault: n})
	}
}

// Stalled returns the function to which the goroutine of the i-th sender reports stalls.
func (f Faults) Stalled(i int) func(from, to int64) {
	return func(from, to int64) {
		n := &Fault{faultStall, from, to}
		n.AddTo(f.Set)
		if f.Capture != nil {
			noteOn(f.Capture.sent[i], to, Note{Fault: n})
		}
	}
}

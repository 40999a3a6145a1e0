package engine

import "github.com/masstrace/masstrace/internal/window"

// faults keeps when this machine was at fault: for the records, and in the
// capture, so that a replay has them too.
type faults struct {
	set  *window.Faults
	copy *copier // nil if no capture is wanted
}

// Kinds of fault in the notes of a capture.
const (
	faultDrops = "drops"
	faultLag   = "lag"
	faultStall = "stall"
)

// faultNote is a fault in the notes of a capture.
type faultNote struct {
	Kind   string `json:"kind"`
	FromNS int64  `json:"from_ns"`
	ToNS   int64  `json:"to_ns"`
}

// addTo adds the fault, if it is of a kind that is known.
func (n *faultNote) addTo(f *window.Faults) {
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
func (f faults) Dropped(from, to int64) { f.received(faultDrops, from, to) }

// Lagged implements receiver.Faults.
func (f faults) Lagged(from, to int64) { f.received(faultLag, from, to) }

// received adds a fault that the receiver's goroutine found.
func (f faults) received(kind string, from, to int64) {
	n := &faultNote{kind, from, to}
	n.addTo(f.set)
	if f.copy != nil {
		f.copy.note(to, note{Fault: n})
	}
}

// stalled returns what the goroutine of the i-th sender tells of stalls.
func (f faults) stalled(i int) func(from, to int64) {
	return func(from, to int64) {
		n := &faultNote{faultStall, from, to}
		n.addTo(f.set)
		if f.copy != nil {
			noteOn(f.copy.sent[i], to, note{Fault: n})
		}
	}
}

package progress

import (
	"sync/atomic"

	"github.com/masstrace/masstrace/internal/record"
)

// Ends is a format.Writer that counts the ends of traces. Any goroutine may ask for them meanwhile.
type Ends struct {
	reached atomic.Uint64
	stops   [record.StopHalted + 1]atomic.Uint64
}

// stops are the ends of traces in the order of the display, but for those that reach their targets.
var stops = []struct {
	reason record.StopReason
	name   string
	shade  Shade
}{
	{record.StopCompleted, "completed", Other},
	{record.StopGapLimit, "gap limit", Fair},
	{record.StopUnreach, "unreachable", Poor},
	{record.StopLoop, "loop", Other},
	{record.StopHopLimit, "last TTL", Other},
	{record.StopGSS, "met another", Other},
	{record.StopHalted, "halted", Other},
}

// Write implements format.Writer.
func (e *Ends) Write(r record.Record) error {
	t, ok := r.(*record.Trace)
	switch {
	case !ok:
	case t.Reached:
		e.reached.Add(1)
	case int(t.StopReason) < len(e.stops):
		e.stops[t.StopReason].Add(1)
	}
	return nil
}

// Flush implements format.Writer.
func (*Ends) Flush() error { return nil }

// Parts returns the counts so far. A nil Ends has none.
func (e *Ends) Parts() []Part {
	if e == nil {
		return nil
	}
	parts := []Part{{"reached", Good, e.reached.Load()}}
	for _, s := range stops {
		parts = append(parts, Part{s.name, s.shade, e.stops[s.reason].Load()})
	}
	return parts
}

package compare

import (
	"testing"

	"github.com/masstrace/masstrace/internal/record"
)

// A target may answer in a trace that ends in silence. If it does so in both scans, it is silent in
// neither.
func TestSilentNow(t *testing.T) {
	const target = "198.51.100.1"
	answered := traceOf(target, "10.0.0.1 "+target, 0)
	answered.StopReason = record.StopGapLimit
	silent := traceOf(target, "10.0.0.1 -", 0)
	silent.StopReason = record.StopGapLimit
	unreachable := traceOf(target, "10.0.0.1 -", 0)
	unreachable.StopReason = record.StopUnreach
	for _, tt := range []struct {
		name             string
		old, new         *record.Trace
		wantOld, wantNew int
	}{
		{"the same", answered, answered, 0, 0},
		{"silent now", answered, silent, 1, 0},
		{"silent before", silent, answered, 0, 1},
		{"always silent", silent, silent, 0, 0},
		{"another end", answered, unreachable, 0, 0},
	} {
		b := NewBuilder(ByTarget)
		b.AddOld(tt.old)
		b.AddNew(tt.new)
		if r := b.Result(); r.ReachedOld != tt.wantOld || r.ReachedNew != tt.wantNew {
			t.Errorf("%s: %d silent now, %d before, want %d and %d", tt.name, r.ReachedOld, r.ReachedNew, tt.wantOld, tt.wantNew)
		}
	}
}

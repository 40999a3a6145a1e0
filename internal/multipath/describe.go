package multipath

import "github.com/masstrace/masstrace/internal/record"

// Describer makes records of targets. Its buffers are reused. The zero value is ready.
type Describer struct{}

// Describe fills m with what the observations of one target show. They come in any order. halted
// is set if the search was stopped before its end. Describe leaves Target, Source and Method of m
// as they are, and so it does with Kind PerDestination and HashDestination, which one target alone
// cannot show.
func (d *Describer) Describe(m *record.Multipath, cfg *Config, seen []Observation, halted bool) {}

// Cover returns a small set of flows that shows every link of the last Describe, ascending. Flow 0
// is always in it, if it was probed. The slice is valid until the next Describe.
func (d *Describer) Cover() []uint16 { return nil }

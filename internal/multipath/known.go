package multipath

// Known holds the branches of nodes that other targets have finished with confidence. It is safe
// for concurrent use. Its memory is fixed.
type Known struct{}

// NewKnown returns an empty Known that takes at most octets of memory.
func NewKnown(octets int) *Known { return &Known{} }

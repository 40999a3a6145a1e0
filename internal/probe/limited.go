package probe

// LimitedRouter is a router that was seen to limit the rate of its answers.
type LimitedRouter struct {
	Addr     Addr
	TTLs     uint64 // at which, as bits
	Answered uint64 // probes
	Silent   uint64 // probes without an answer that it may have been asked
}

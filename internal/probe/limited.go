package probe

// LimitedRouter is a router that was observed to limit the rate of its answers.
type LimitedRouter struct {
	Addr     Addr
	TTLs     uint64 // TTLs at which it did, one bit each
	Answered uint64 // number of probes
	Silent   uint64 // number of probes without an answer that may have reached it
}

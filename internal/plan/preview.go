package plan

import (
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// ShownProbes is how many probes a Preview has at most.
const ShownProbes = 8

// Preview is the plan of a run for people.
type Preview struct {
	Targets  uint64
	Probes   uint64 // of the first attempt, or of a list
	LeftOut  uint64 // of a list: excluded, or of a family without a route
	TTLs     int
	Flows    int
	Attempts int
	// PerTarget is about how many probes a target takes, if what is found decides, so that Probes
	// and Duration are guesses. 0: they are not.
	PerTarget uint64

	RatePPS  float64 // 0 is unlimited
	RateAuto bool    // RatePPS is the most that it may come to
	Burst    int
	Duration time.Duration // at most; of no meaning if the rate is unlimited

	Strategy string          // the name of one
	Removed  *record.LeftOut // addresses that are excluded, nil if there are none
	// OutputBytes is about how large the output gets; PackedBytes is that with zstd.
	OutputBytes, PackedBytes float64

	Windows       uint64
	WindowTargets int
	MemoryBytes   uint64 // at most, for windows
	ListBytes     uint64 // for the target lists and their index
	Method        string
	List          string // name of a list of probes; "" of a scan
	Seed          string

	// Source4 and Source6 are the addresses of the probes, on Link. SourceErr is why they
	// are not known: a machine without a route can still plan.
	Source4, Source6 netip.Addr
	Link             string
	SourceErr        error

	First []PreviewProbe // in the order in which they would leave
}

// PreviewProbe is a probe that would be sent.
type PreviewProbe struct {
	Target probe.Addr
	Flow   uint16
	TTL    uint8
	Method probe.Method
	Packet []byte // from the IP header on
}

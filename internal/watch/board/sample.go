package board

import (
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// Sample is the fate of one probe.
type Sample struct {
	Target  int // index
	Flow    int
	Cycle   uint32
	TTL     uint8
	Outcome Outcome
	Sent    int64         // ns since the Unix epoch
	RTT     time.Duration // Answered and Late alone
	From    netip.Addr    // likewise
	Answer
}

// Answer has the fields of an answer that a person may ask for.
type Answer struct {
	Kind      probe.Kind
	Code      uint8 // ICMP code
	ReplyTTL  uint8 // as received
	QuotedTTL uint8 // 0 if the answer has no quotation
	Rewritten probe.Mangled
	Weak      bool         // one valid tag alone shows that it answers our probe
	MPLS      []wire.Label // the label stack of the probe
	MTU       uint32       // of packets that are too large, else 0
}

// Outcome is the fate of a probe.
type Outcome uint8

// The outcomes.
const (
	Answered Outcome = iota
	Silent           // no answer in time
	Late             // an answer after the probe counted as silent
	Unsent           // the kernel did not accept the probe
)

var outcomes = [...]string{"answered", "silent", "late", "unsent"}

// String returns the name used in records.
func (o Outcome) String() string { return outcomes[o] }

// ParseOutcome is the inverse of String; ok is false for an unknown name.
func ParseOutcome(text string) (o Outcome, ok bool) {
	for i, name := range outcomes {
		if name == text {
			return Outcome(i), true
		}
	}
	return 0, false
}

// Change is a change of a path.
type Change struct {
	Target int
	Flow   int
	// Time is when the first probe was sent that showed it, ns since the Unix epoch.
	Time  int64
	Cycle uint32 // in which it was certain
	// Hops are the TTLs with another address, by ascending TTL.
	Hops []HopChange
	// Before and After are the lengths of the path, if they differ; 0 is unknown.
	Before, After uint8
}

// HopChange is another address at a TTL.
type HopChange struct {
	TTL           uint8
	Before, After netip.Addr
}

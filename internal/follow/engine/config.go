package engine

import (
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Config is what an Engine needs.
type Config struct {
	MinTTL, MaxTTL uint8
	// Flows is how many flows the codec has; flow 0 is followed.
	Flows int
	// GapLimit is how many silent TTLs in a row end a path.
	GapLimit int
	// Changed takes each change. The record is valid during the call.
	Changed func(*record.PathChange)
}

// Limits of an engine.
const (
	// MostTargets is how many targets there may be: each needs some 600 octets.
	MostTargets = 1 << 20
	// MostFlows is how many flows may be asked to find the branches of a balancer.
	MostFlows = 32
	// DefaultGap is the default of GapLimit.
	DefaultGap = 5
	// mostListed is how many affected targets a record lists.
	mostListed = 1000
	// mostWait is how long an event waits for its neighbours before it is told, in ns.
	mostWait = int64(20 * time.Second)
)

// Ask is a probe that the engine wants. The owner returns it with its fate.
type Ask struct {
	Target uint32 // index
	Flow   uint16
	TTL    uint8

	job   *job   // that asks, nil if none does
	event *event // whose neighbour is asked, nil if none is
}

// Answer is the answer to a probe.
type Answer struct {
	From probe.Addr
	// End is set if the path ends there: the target answered, or it is unreachable. Reached is the
	// former.
	End, Reached bool
	Weak         bool  // it rests on one tag of 16 bits
	Sent         int64 // ns
	RTT          time.Duration
}

// Counts are what an engine did.
type Counts struct {
	Traced   uint64 `json:"traced"`   // targets with a first path
	Doubts   uint64 `json:"doubts"`   // answers that were not as before
	Changes  uint64 `json:"changes"`  // events
	Affected uint64 `json:"affected"` // paths that changed

	// Doubts that were no change: the old hop answered again, so a balancer alternates; nothing
	// answered any more; the path had changed again before its hops were known.
	Alternated uint64 `json:"alternated"`
	Faded      uint64 `json:"faded"`
	Outlived   uint64 `json:"outlived"`
	// Weak are the answers with one tag that were not as before and decided nothing; see weak.go.
	Weak uint64 `json:"weak"`

	Routes    uint64 `json:"routes"` // events by kind
	Balancers uint64 `json:"balancers"`
	Unclear   uint64 `json:"unclear"`

	// Silent are the probes of routine to a known hop that were not answered: Limited if the router
	// leaves many unanswered, Lost otherwise, Ours if this machine dropped frames meanwhile.
	Limited uint64 `json:"limited"`
	Lost    uint64 `json:"lost"`
	Ours    uint64 `json:"ours"`

	Routine uint64 `json:"routine"` // probes by purpose
	First   uint64 `json:"first"`
	Inquiry uint64 `json:"inquiry"`

	// The fates of these probes. Forgotten are those whose fate another process did not learn.
	Answered   uint64 `json:"answered"`
	Unanswered uint64 `json:"unanswered"`
	Unsent     uint64 `json:"unsent"`
	Forgotten  uint64 `json:"forgotten"`
}

// Waiting returns how many probes have no fate yet.
func (n *Counts) Waiting() uint64 {
	return n.Routine + n.First + n.Inquiry - n.Answered - n.Unanswered - n.Unsent - n.Forgotten
}

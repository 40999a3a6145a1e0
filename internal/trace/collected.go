package trace

import (
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// flowOf is a flow for which a Collector gathers probes.
type flowOf struct {
	record.Head
	key      flowHead
	group    *collected
	probes   []collectedProbe
	attempts [256]uint8 // number of attempts, by TTL
	touched  bool
	alone    bool           // a reply has one tag
	doubts   *window.Doubts // nil while there are none

	// latest holds, for each key, 1 + the number of its last probe among the first indexed
	// probes. It is made when a reply comes long after its probe.
	latest  map[probeKey]uint32
	indexed int
}

// probeKey distinguishes the probes of a flow. Probes with the same key are the same in every other
// way, so any of them may get the reply.
type probeKey struct {
	sent         int64 // ns since the Unix epoch, 0 if not known
	ttl, attempt uint8
}

type collectedProbe struct {
	ttl, attempt uint8
	before       uint32 // 1 + the number of the previous probe with the same key; set by index
	sent         int64
	hop          *record.Hop // nil while it has no reply
}

func (p *collectedProbe) probeKey() probeKey { return probeKey{p.sent, p.ttl, p.attempt} }

// mostBehind is how many of the last probes are searched for the probe of a reply. Nearly all
// replies come while fewer probes of their flow are under way.
const mostBehind = 64

// unanswered returns the last probe with a key that has no reply, or nil. However late replies
// come, the total time is proportional to the number of calls and probes.
func (f *flowOf) unanswered(k probeKey) *collectedProbe {
	for i := len(f.probes) - 1; i >= max(len(f.probes)-mostBehind, 0); i-- {
		if p := &f.probes[i]; p.probeKey() == k && p.hop == nil {
			return p
		}
	}
	if len(f.probes) <= mostBehind {
		return nil
	}
	f.index()
	for n := f.latest[k]; n != 0; {
		p := &f.probes[n-1]
		n = p.before
		f.latest[k] = n // no later call needs this one
		if p.hop == nil {
			return p
		}
	}
	return nil
}

// index adds the new probes to latest.
func (f *flowOf) index() {
	if f.latest == nil {
		f.latest = make(map[probeKey]uint32, len(f.probes))
	}
	for ; f.indexed < len(f.probes); f.indexed++ {
		p := &f.probes[f.indexed]
		k := p.probeKey()
		p.before = f.latest[k]
		f.latest[k] = uint32(f.indexed) + 1
	}
}

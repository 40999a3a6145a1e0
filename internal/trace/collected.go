package trace

import "github.com/masstrace/masstrace/internal/record"

// flowOf is a flow that a Collector gathers.
type flowOf struct {
	record.Head
	key      flowHead
	group    *collected
	probes   []collectedProbe
	attempts [256]uint8 // by TTL
	touched  bool

	// latest holds 1 + the number of the last probe of each key, of those below
	// indexed. It is made when a reply comes long after its probe.
	latest  map[probeKey]uint32
	indexed int
}

// probeKey tells the probes of a flow apart. Probes that are alike in it are alike
// in everything, and any may have the reply.
type probeKey struct {
	sent         int64 // ns since the Unix epoch, 0 if that is not known
	ttl, attempt uint8
}

type collectedProbe struct {
	ttl, attempt uint8
	before       uint32 // 1 + the number of the last probe before with the same key, once it is indexed
	sent         int64
	hop          *record.Hop // nil while it has no reply
}

func (p *collectedProbe) probeKey() probeKey { return probeKey{p.sent, p.ttl, p.attempt} }

// mostBehind is how many probes before the last one are searched for that of a
// reply. Nearly all replies come while fewer are under way over their flow.
const mostBehind = 64

// unanswered returns the last probe of a key that has no reply, nil if there is
// none. However late replies come, time goes with the number of calls and probes.
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
		f.latest[k] = n // nobody asks for this one again
		if p.hop == nil {
			return p
		}
	}
	return nil
}

// index brings latest up to date.
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

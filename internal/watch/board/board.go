// Package board keeps the statistics of each hop of watched paths, the paths, and their changes. It
// takes samples, from probes or from a file, and uses no network.
//
// A Board belongs to one goroutine, or to a lock of its owner.
package board

import (
	"net/netip"
)

// Board has all targets.
type Board struct {
	Targets []*Target
	// Cycles is how many cycles have begun.
	Cycles uint32
	// Latest is the time of the latest sample, ns since the Unix epoch.
	Latest int64
}

// Target is a watched target.
type Target struct {
	Name string // as the user named it
	Addr netip.Addr
	// Flows are its paths, by flow.
	Flows []*Path
	// Changes are its latest changes, the oldest first.
	Changes []Change
	// Changed counts all changes.
	Changed uint64
}

// mostChanges is how many changes of a target are kept.
const mostChanges = 256

// New returns a board without samples.
func New(targets []Target, flows int) *Board {
	b := &Board{}
	for _, t := range targets {
		fresh := &Target{Name: t.Name, Addr: t.Addr}
		for f := range flows {
			fresh.Flows = append(fresh.Flows, &Path{Flow: f, Target: t.Addr})
		}
		b.Targets = append(b.Targets, fresh)
	}
	return b
}

// Take adds a sample. Samples of one cycle end when EndCycle is called.
func (b *Board) Take(s *Sample) {
	b.Latest = max(b.Latest, s.Sent)
	b.Cycles = max(b.Cycles, s.Cycle+1)
	b.Targets[s.Target].Flows[s.Flow].take(s)
}

// EndCycle ends a cycle, all samples of which were taken. It returns the changes that became
// certain in it, which are valid until Reset.
func (b *Board) EndCycle(cycle uint32) []Change {
	var changes []Change
	for i, t := range b.Targets {
		for _, p := range t.Flows {
			c, ok := p.endCycle(cycle)
			if !ok {
				continue
			}
			c.Target = i
			changes = append(changes, c)
			t.note(c)
		}
	}
	return changes
}

// Note adds a change that another board found.
func (b *Board) Note(c Change) { b.Targets[c.Target].note(c) }

func (t *Target) note(c Change) {
	if len(t.Changes) >= mostChanges {
		t.Changes = t.Changes[1:]
	}
	t.Changes = append(t.Changes, c)
	t.Changed++
}

// Reset forgets all statistics and changes. The ends of paths stay known, so that no probe goes
// beyond them.
func (b *Board) Reset() {
	for _, t := range b.Targets {
		t.Changes, t.Changed = nil, 0
		for _, p := range t.Flows {
			p.reset()
		}
	}
}

package engine

import (
	"bytes"
	"encoding/gob"
	"errors"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
)

// saved is what an engine knows, for another process. Inquiries that go on are forgotten: their
// targets are as before, so that they are found again.
type saved struct {
	Counts  Counts
	Begin   int64
	Addrs   []probe.Addr
	Turns   []uint8 // by address
	Hops    [ttls][]id
	Old     [ttls][]id
	Seen    [ttls][]tick
	RTTs    [ttls][]uint16
	States  []state
	Hot     []uint32
	Numbers uint64
	Targets []probe.Addr
}

// Save returns what the engine knows.
func (e *Engine) Save() ([]byte, error) {
	p := e.paths
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(&saved{
		Counts: e.Counts, Begin: p.begin, Addrs: p.names.addrs, Turns: p.names.turns, Hops: p.hops, Old: p.old, Seen: p.seen, RTTs: p.rtts, States: p.states,
		Hot: e.routine.hot, Numbers: e.numbers, Targets: e.targets,
	})
	return b.Bytes(), err
}

// errState means that a state is not of these targets, or not whole.
var errState = errors.New("the state is of other targets, or damaged")

// Load takes what Save has returned, for an engine of the same targets that has not begun.
func (e *Engine) Load(b []byte) error {
	var s saved
	if err := gob.NewDecoder(bytes.NewReader(b)).Decode(&s); err != nil {
		return err
	}
	n := len(e.targets)
	if len(s.States) != n || !slices.Equal(s.Targets, e.targets) || len(s.Addrs) < int(firstID) {
		return errState
	}
	p := newPaths(n, s.Begin)
	fresh := make([]id, len(s.Addrs))
	fresh[silent] = silent
	for i := firstID; int(i) < len(s.Addrs); i++ {
		fresh[i] = p.names.of(s.Addrs[i])
		if int(i) < len(s.Turns) {
			p.names.turns[fresh[i]] = s.Turns[i]
		}
	}
	for ttl, old := range s.Old {
		if old != nil && len(old) != n {
			return errState
		}
		for i, h := range old {
			if int(h) >= len(fresh) {
				return errState
			}
			old[i] = fresh[h]
		}
		p.old[ttl] = old
	}
	for ttl := range s.Hops {
		hops := s.Hops[ttl]
		if hops == nil {
			continue
		}
		if len(hops) != n || len(s.Seen[ttl]) != n || len(s.RTTs[ttl]) != n {
			return errState
		}
		for i, h := range hops {
			if int(h) >= len(fresh) {
				return errState
			}
			hops[i] = fresh[h]
			p.names.uses[hops[i]]++
		}
		p.hops[ttl], p.seen[ttl], p.rtts[ttl] = hops, s.Seen[ttl], s.RTTs[ttl]
	}
	for i := range s.States {
		st := &s.States[i]
		if int(st.Back) >= len(fresh) || st.Last >= ttls || st.OldLast >= ttls || st.End >= ttls {
			return errState
		}
		st.Back = fresh[st.Back]
	}
	p.states = s.States
	for _, h := range s.Hot {
		if int(h) < n {
			e.routine.heat(h)
		}
	}
	e.paths, e.Counts, e.numbers = p, s.Counts, s.Numbers
	p.compact()
	return nil
}

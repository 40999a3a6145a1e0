package engine

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"

	"github.com/masstrace/masstrace/internal/record"
)

// saved is what an engine knows, for another process. Inquiries that go on are forgotten: their
// targets are as before, so that they are found again.
type saved struct {
	Counts  Counts
	Begin   int64
	Addrs   []byte
	Turns   []uint8 // by address
	Columns [ttls]columns
	States  []byte // known of each target
	Hot     []uint32
	Numbers uint64
	Untold  []record.PathChange
	Half    []uint32
	Targets []byte
}

// Save returns what the engine knows at a time.
func (e *Engine) Save(now int64) ([]byte, error) {
	p := e.paths
	var b bytes.Buffer
	known := make([]known, len(p.states))
	for i := range p.states {
		known[i] = p.states[i].known
	}
	s := &saved{
		Counts: e.Counts, Begin: p.begin, Addrs: packedAddrs(p.names.addrs), Turns: p.names.turns, Columns: p.pack(),
		Hot: e.routine.hot, Numbers: e.numbers, Targets: packedAddrs(e.targets), Untold: e.pending(now), Half: e.half(),
	}
	var err error
	if s.States, err = binary.Append(nil, binary.LittleEndian, known); err == nil {
		err = gob.NewEncoder(&b).Encode(s)
	}
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
	states, addrs := make([]known, n), unpackedAddrs(s.Addrs)
	if size := binary.Size(states); len(s.States) != size || !bytes.Equal(s.Targets, packedAddrs(e.targets)) || len(addrs) < int(firstID) {
		return errState
	}
	if _, err := binary.Decode(s.States, binary.LittleEndian, states); err != nil {
		return err
	}
	p := newPaths(n, s.Begin)
	fresh := make([]id, len(addrs))
	fresh[silent] = silent
	for i := firstID; int(i) < len(addrs); i++ {
		fresh[i] = p.names.of(addrs[i])
		if int(i) < len(s.Turns) {
			p.names.turns[fresh[i]] = s.Turns[i]
		}
	}
	if !p.unpack(&s.Columns, fresh) {
		return errState
	}
	for i := range states {
		st := &states[i]
		if int(st.Back) >= len(fresh) || st.Last >= ttls || st.End >= ttls || st.OldLast >= ttls || st.OldEnd >= ttls {
			return errState
		}
		st.Back = fresh[st.Back]
		p.states[i].known = *st
	}
	for _, h := range s.Hot {
		if int(h) < n {
			e.routine.heat(h)
		}
	}
	e.paths, e.Counts, e.numbers, e.untold = p, s.Counts, s.Numbers, s.Untold
	e.Counts.Forgotten += e.Counts.Waiting()
	for _, t := range s.Half {
		if int(t) < n {
			e.retrace(t)
		}
	}
	p.compact()
	return nil
}

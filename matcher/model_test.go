package matcher

import (
	"maps"
	"slices"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/window"
)

// model is the oracle of the stress test. It computes the expected result of the logged events, one
// by one.
type model struct {
	*stress
	want    counts
	over    uint64                      // number of windows that are over
	first   map[probe.Probe]probe.Facts // the best answer to each probe, the first of equals
	spare   map[uint64]int              // superseded answers, by window
	entries map[uint64][]kept
	loose   map[uint64]int
	octets  map[uint64]int
}

func newModel(s *stress) *model {
	return &model{
		stress: s, first: map[probe.Probe]probe.Facts{}, spare: map[uint64]int{},
		entries: map[uint64][]kept{}, loose: map[uint64]int{}, octets: map[uint64]int{},
	}
}

func (m *model) check() {
	for i := range m.matched {
		m.step(&m.matched[i])
	}
	if got := m.matcher.counts(); got != m.want {
		m.Errorf("counts %+v, want %+v", got, m.want)
	}
	if w := m.want; w.strong == 0 || w.duplicates == 0 || w.hopless == 0 || w.unsent == 0 || w.late == 0 && m.over > 2*window.Live {
		m.Errorf("not everything was tried: %+v", w)
	}
	m.checkEntries()
	m.checkSlots()
	m.checkTally()
}

func (m *model) step(e *matched) {
	if e.over {
		if e.id != m.over {
			m.Errorf("window %d retired, %d was next", e.id, m.over)
		}
		if d := m.deadlines[e.id]; d > e.upTo {
			m.Errorf("window %d retired at %d, its deadline is %d", e.id, e.upTo, d)
		}
		m.over++
		return
	}
	f := &e.reply
	position, ok := order(m.targets).PositionOf(f.Target)
	id := position / uint64(m.shape.Targets)
	switch {
	case !ok:
		m.want.foreign++
	case f.Valid == probe.Garbled:
	case id < m.over:
		m.want.late++
		m.late(f)
	case !f.HasHop():
		m.want.weak++
		m.want.hopless++
		m.keep(id, f, window.Hopless)
	case f.Code == forged:
		m.want.unsent++
	default:
		m.hop(id, f)
	}
}

// late expects a late reply in any of the live windows. The model cannot predict which, so it
// searches all of them.
func (m *model) late(f *probe.Facts) {
	for id := m.over; id < m.over+window.Live; id++ {
		for i, e := range m.records[id] {
			if e.role == window.Late && e.Facts == *f {
				if i != len(m.entries[id]) {
					m.Errorf("late reply is number %d of window %d, want %d", i, id, len(m.entries[id]))
				}
				m.keep(id, f, window.Late)
				return
			}
		}
	}
	m.want.overflow++
}

func (m *model) hop(id uint64, f *probe.Facts) {
	old, ok := m.first[f.Probe]
	slots := m.shape.Targets * m.shape.TTLs() * m.shape.Flows * m.shape.Attempts
	if m.shape.IsOnDemand() {
		slots = 1 << 20 // more than answers are superseded
	}
	switch {
	case !ok:
	case f.Proof() > old.Proof() && m.spare[id] < (slots+3)/4:
		m.spare[id]++
		m.want.superseded++
		if old.Valid == probe.Strong {
			m.want.strong--
		} else {
			m.want.weak--
		}
	case f.Valid == probe.Weak && f.Proof() < old.Proof() && f.Responder != old.Responder:
		m.want.denied++
		m.keep(id, f, window.Denied)
		return
	default:
		m.want.duplicates++
		m.keep(id, f, window.Duplicate)
		return
	}
	if f.Valid == probe.Strong {
		m.want.strong++
	} else {
		m.want.weak++
	}
	m.first[f.Probe] = *f
	m.entries[id] = append(m.entries[id], kept{*f, window.First, 0})
	m.extension(id, f)
}

func (m *model) keep(id uint64, f *probe.Facts, role window.Role) {
	if m.loose[id]++; m.loose[id] > m.shape.Unlinked {
		m.want.overflow++
		return
	}
	m.entries[id] = append(m.entries[id], kept{*f, role, 0})
	m.extension(id, f)
}

func (m *model) extension(id uint64, f *probe.Facts) {
	if f.Stamp%3 != 0 {
		return
	}
	if m.octets[id]+8 > m.shape.ExtensionOctets {
		m.want.overflow++
		return
	}
	m.octets[id] += 8
}

func (m *model) checkEntries() {
	for id, want := range m.entries {
		if !slices.Equal(m.records[id], want) {
			m.Errorf("window %d: entries differ: %d, want %d", id, len(m.records[id]), len(want))
		}
	}
	for id := range m.records {
		if len(m.entries[id]) == 0 {
			m.Errorf("window %d has entries, want none", id)
		}
	}
}

func (m *model) checkSlots() {
	got := map[probe.Probe]probe.Facts{}
	for p, e := range m.slots {
		if got[p] = e.Facts; e.role != window.First || !whole(&e.Facts) {
			m.Errorf("slot %+v holds %+v", p, e)
		}
	}
	if !maps.Equal(got, m.first) {
		m.Errorf("%d slots are answered, want %d; or otherwise", len(got), len(m.first))
	}
}

func (m *model) checkTally() {
	var sent, failed, answered, firstSent uint64
	for p, ns := range m.stamps {
		switch {
		case ns > 0:
			sent++
			if p.Attempt == 0 {
				firstSent++
			}
			if e, ok := m.slots[p]; ok && e.standing != window.Withheld {
				answered++
			}
		case ns == window.Failed:
			failed++
		}
	}
	t := &m.sum
	if t.Sent != sent || t.TxErrors != failed || t.Answered != answered || t.Silent != sent-answered || t.FirstSent != firstSent {
		m.Errorf("account %+v, want sent %d, failed %d, answered %d", t, sent, failed, answered)
	}
	// The accounts of all windows and the frames after the last window add up to all that was
	// received.
	withheld := uint64(0)
	for _, e := range m.slots {
		if e.standing == window.Withheld {
			withheld++
		}
	}
	rest := m.matcher.Unsettled()
	heard := *t
	heard.Hear(&rest)
	if all := account.Load(m.matcher.cfg.Heard); heard.Inbound.Strong != all.Strong || heard.Late != all.Late ||
		heard.Duplicates != all.Duplicates || heard.Weak+withheld != all.Weak || heard.Rejected.Conflict != all.Rejected.Conflict+withheld || heard.Drops != all.Drops {
		m.Errorf("windows heard %+v in all, the run %+v", heard.Inbound, all.Inbound)
	}
	windows := uint64(len(m.deadlines))
	targets := min(windows*uint64(m.shape.Targets), uint64(m.targets))
	all := targets * uint64(m.shape.TTLs()*m.shape.Flows)
	if sum := t.FirstSent + t.Skipped.Total(); sum != all {
		m.Errorf("first attempts add up to %d, want %d", sum, all)
	}
	if w := t.Answered; w != m.want.strong+m.want.weak-m.want.hopless-withheld || withheld == 0 && m.want.weak > m.want.hopless+50 {
		m.Errorf("answered %d, withheld %d, counted %+v", w, withheld, m.want)
	}
}

package window

import (
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
)

// A reply with two tags of 16 bits, or with the 32-bit tag of TCP, may be a guess too. A guess has
// them once in 2³² for each probe that waits for a reply. A million guesses on one path make that
// frequent. A true reply comes after a round trip, and meanwhile only some of the guesses do. So on
// a path with many misses, a reply is late if too many of them came between its probe and the
// reply. A late reply is withheld until another probe with the same TTL confirms it.
const (
	// floodStep is the number of misses from one mark of a flood to the next.
	floodStep = 1 << 12
	// MostWaiting bounds the sum, over the probes of a path, of the misses that came while a
	// reply to the probe counted. The expected number of false hops is at most MostWaiting/2³²,
	// which is 4.9·10⁻⁴. If a packet can be two guesses at once, it is twice as high: the two
	// numbers of a TCP ACK, and the two ways to read the checksum of UDP after a foreign source.
	MostWaiting = 1 << 21
)

// flood has the time of each floodStep-th miss of a path, ns since the Unix epoch, ascending. Paths
// without an attacker have none.
type flood []int64

// with returns f with a mark at a time. Frames may come a little out of order.
func (f flood) with(at int64) flood {
	if n := len(f); n > 0 {
		at = max(at, f[n-1])
	}
	return append(f, at)
}

// during returns an upper bound of the misses from one time to another.
func (f flood) during(from, to int64) int {
	first, _ := slices.BinarySearch(f, from)
	behind, _ := slices.BinarySearch(f, to+1)
	return (max(behind-first, 0) + 1) * floodStep
}

// isLate reports whether a reply, which came at a time, may be a guess. Its probe left at sent, one
// of at most so many of the path. Their number must not grow while the path is probed: a reply that
// becomes late afterwards would not be confirmed.
func (f flood) isLate(sent, came int64, probes int) bool {
	return len(f) > 0 && f.during(sent, came)*probes > MostWaiting
}

// isGuessable reports whether 32 bits identify the probe of a reply, and not more. The seal has 64
// more. Every echo reply with two tags has it.
func (w *Window) isGuessable(r *probe.Facts) bool {
	return r.Valid == probe.Strong && r.Kind != probe.KindEchoReply && (r.Target.Is4() || !w.sealed6)
}

// flooded returns the flood of a path, nil if there is none.
func (w *Window) flooded(target uint32, flow uint16) flood {
	if len(w.floods) == 0 {
		return nil
	}
	return w.floods[w.pathIndex(target, flow)]
}

// mark adds a mark to the flood of a path. From then on all its replies are judged.
func (w *Window) mark(path int, at int64) {
	if w.floods == nil {
		w.floods = make(map[int]flood)
	}
	w.floods[path] = w.floods[path].with(at)
	w.states[path].Or(uint64(undecided))
}

// isLate reports whether r may be a guess, before it is judged with the other replies of its path.
func (w *Window) isLate(target uint32, r *probe.Facts) bool {
	f := w.flooded(target, r.Flow)
	if f == nil || !w.isGuessable(r) {
		return false
	}
	sent := w.Sent(Slot{Target: target, Flow: r.Flow, TTL: r.TTL, Attempt: r.Attempt})
	return f.isLate(sent, r.Stamp, w.probes)
}

// isConfirmed reports whether the responder of a also answered another probe with the same TTL, and
// with more than one tag. Two guesses that agree are as rare as 2⁻⁶⁴ for each pair.
func isConfirmed(answers []judged, a *judged) bool {
	for i := range answers {
		o := &answers[i]
		if o.slot != a.slot && o.entry.TTL == a.entry.TTL && o.entry.Responder == a.entry.Responder && !o.entry.OneTag() {
			return true
		}
	}
	return false
}

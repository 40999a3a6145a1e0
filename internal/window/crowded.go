package window

// findCrowded returns the TTLs of a target, as bits, with too many guesses for the flows that are
// under way there. Replies with one tag are not believed at these TTLs. Each path has bounds of its
// own (see standing). With hundreds of flows, a few guesses for each of them are many for a hop.
//
// A guess names a flow. It can give a false hop at a TTL if that flow has a probe there without an
// answer of two tags. The probability is 2⁻¹⁶ for each field that may carry a tag. So the expected
// number of false hops is the sum of guesses over such flows, at most mostChance/2¹⁶. For a single
// flow its own bounds are stricter. Flows whose probes are answered do not count: a router that
// always sends one reply without a valid tag spoils no other hop.
func (w *Window) findCrowded(target uint32) (ttls uint64) {
	if w.shape.Flows == 1 {
		return 0
	}
	misses, alone := 0, false
	for _, i := range w.pathsOf(target) {
		misses += int(w.paths[i].misses)
		alone = alone || w.paths[i].alone > 0
	}
	fields := 1
	if w.targets[target].Is4() {
		fields = 2 // an IPv4 quotation may carry either tag
	}
	if !alone || misses*fields <= mostChance {
		return 0
	}
	for ttl := w.shape.FirstTTL; ttl <= w.shape.LastTTL; ttl++ {
		guesses := 0
		for flow, i := range w.pathsOf(target) {
			if n := int(w.paths[i].misses); n > 0 && w.isUnderWay(Slot{Target: target, Flow: flow, TTL: ttl}) {
				guesses += n
			}
		}
		if guesses*fields > mostChance {
			ttls |= 1 << ttl
		}
	}
	return ttls
}

// isUnderWay reports whether an attempt at the flow and TTL of s was sent, and has no answer of two
// tags.
func (w *Window) isUnderWay(s Slot) bool {
	for ; int(s.Attempt) < w.shape.Attempts; s.Attempt++ {
		slot := w.slot(s)
		if slot == nil || slot.sent.Load() <= 0 {
			continue
		}
		if word := answer(slot.reply.Load()); word == 0 || w.arena.entry(word.entry()).OneTag() {
			return true
		}
	}
	return false
}

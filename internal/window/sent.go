package window

import (
	"iter"

	"github.com/masstrace/masstrace/internal/account"
)

// Stamps of probes that were not sent and will not be sent.
const (
	Failed    = -1 // the kernel never accepted it, for another reason than those below
	Excluded  = -2 // its target may not be probed
	NoBuffers = -3 // never accepted: ENOBUFS or EAGAIN, for a long time
	NoRoute   = -4 // never accepted: no route to the target
	TooBig    = -5 // never accepted: larger than the MTU
	LinkDown  = -6 // never accepted: the link was down
	RunEnded  = -7 // not accepted before the run ended
)

// IsFailed reports whether a stamp means that the kernel never accepted the probe.
func IsFailed(stamp int64) bool { return stamp < 0 && stamp != Excluded }

// CountFailed adds a probe with a failed stamp to its cause.
func CountFailed(by *account.TxErrorsBy, stamp int64) {
	switch stamp {
	case NoBuffers:
		by.NoBuffers++
	case NoRoute:
		by.NoRoute++
	case TooBig:
		by.TooBig++
	case LinkDown:
		by.LinkDown++
	case RunEnded:
		by.RunEnded++
	default:
		by.Other++
	}
}

// Touched reports whether any probe was sent to target over flow.
func (w *Window) Touched(target uint32, flow uint16) bool {
	for range w.sentOn(target, flow) {
		return true
	}
	return false
}

// CountPath returns how many probes were sent to target over flow.
func (w *Window) CountPath(target uint32, flow uint16) (n int) {
	for range w.sentOn(target, flow) {
		n++
	}
	return n
}

// sentOn yields the slots of a path whose probes were sent.
func (w *Window) sentOn(target uint32, flow uint16) iter.Seq[Slot] {
	return func(yield func(Slot) bool) {
		slot := Slot{Target: target, Flow: flow}
		for ; int(slot.Attempt) < w.shape.Attempts; slot.Attempt++ {
			for slot.TTL = w.shape.FirstTTL; slot.TTL <= w.shape.LastTTL; slot.TTL++ {
				if w.Sent(slot) > 0 && !yield(slot) {
					return
				}
			}
		}
	}
}

// CountSent returns how many probes of w were sent, as far as the kernel reported.
func (w *Window) CountSent() (n uint64) {
	if w.pages != nil {
		return w.pages.countSent()
	}
	for i := range w.planes {
		p := w.planes[i].Load()
		if p == nil {
			continue
		}
		for k := range *p {
			if (*p)[k].sent.Load() > 0 {
				n++
			}
		}
	}
	return n
}

// Answered reports whether a reply to s is a hop.
func (w *Window) Answered(s Slot) bool {
	slot := w.slot(s)
	return slot != nil && answer(slot.reply.Load()).standing() != Withheld
}

package window

import (
	"github.com/masstrace/masstrace/internal/probe"
)

// Judge gives replies their standing where no window holds them, as in a replay by key. It has room
// for one path at a time: the caller keeps the replies, and names them again for each verdict. A
// Judge belongs to one goroutine.
type Judge struct {
	w      *Window
	others Responders
}

// NewJudge returns a Judge of paths with any TTL and attempt.
func NewJudge() *Judge {
	j := &Judge{w: New(Shape{Targets: 1, FirstTTL: 1, LastTTL: probe.MaxTTL, Flows: 1, Attempts: probe.MaxAttempts})}
	j.w.others = &j.others
	return j
}

// Doubts are the reasons to doubt the replies of a path: misses, contested TTLs, and rewritten
// tags. The zero value has none.
type Doubts struct {
	path  path
	flood flood
}

// Flooded reports whether the path has so many misses that any reply may be withheld.
func (d *Doubts) Flooded() bool { return d != nil && len(d.flood) > 0 }

// Contest notes that several sources answered a probe equally well.
func (d *Doubts) Contest(ttl uint8) { d.path.contested |= 1 << ttl }

// Contested returns the TTLs that were contested, as bits.
func (d *Doubts) Contested() uint64 { return d.path.contested }

// Miss takes a reply to the path without a valid tag.
func (j *Judge) Miss(d *Doubts, r *probe.Facts) {
	if !isForeign(r) {
		j.others.missed(r.Responder)
	}
	if d.path.miss(r) {
		d.flood = d.flood.with(r.Stamp)
	}
}

// Hear takes the best reply to a probe of the path, once.
func (j *Judge) Hear(d *Doubts, r *probe.Facts) {
	if !r.HasHop() {
		d.path.traits |= touched
		return
	}
	if r.HasQuote && r.Mangled.Has(probe.MangledCsum) {
		d.path.traits |= garbled
	}
	if r.OneTag() {
		j.others.heard(r)
	}
}

// Begin begins the judgement of a path. Sent, Answer and Decide must follow in this order.
func (j *Judge) Begin(target probe.Addr, d *Doubts) {
	j.w.Reset()
	j.w.Append(target)
	j.w.paths[0], j.w.probes = d.path, 0
	if d.Flooded() {
		j.w.floods = map[int]flood{0: d.flood}
	}
}

// Sent adds a probe of the path that left at a time in ns, 0 if that is not known. Judge has no
// room for those whose TTL or attempt no scan has.
func (j *Judge) Sent(ttl, attempt uint8, at int64) {
	if s := (Slot{TTL: ttl, Attempt: attempt}); j.hasRoom(s) && j.w.Sent(s) == 0 {
		j.w.Stamp(s, max(at, 1))
		j.w.probes++
	}
}

// Answer adds the best reply to a probe that was sent. If a probe was sent twice, the first counts.
func (j *Judge) Answer(f *probe.Facts) {
	s := Slot{TTL: f.TTL, Attempt: f.Attempt}
	if !j.hasRoom(s) {
		return
	}
	if e, _ := j.w.Best(s); e != nil {
		return
	}
	r := probe.Reply{Facts: *f}
	r.Flow = 0
	j.w.Answer(s, &r)
}

// Decide judges the path.
func (j *Judge) Decide() { j.w.judge(0, 0) }

// Standing returns the standing of the best reply to a probe. Without room for it, a reply with one
// tag is withheld.
func (j *Judge) Standing(f *probe.Facts) Standing {
	s := Slot{TTL: f.TTL, Attempt: f.Attempt}
	if !j.hasRoom(s) {
		if f.OneTag() {
			return Withheld
		}
		return Steers
	}
	_, standing := j.w.Best(s)
	return standing
}

func (j *Judge) hasRoom(s Slot) bool {
	return s.TTL >= 1 && s.TTL <= probe.MaxTTL && s.Attempt < probe.MaxAttempts
}

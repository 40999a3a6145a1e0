package gather

import (
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/matcher"
)

// bestOf describes a reply that is the best to its probe.
func bestOf(hop *record.Hop) matcher.Best {
	return matcher.Best{From: window.HashRouter(hop.Responder), Proof: hop.Proof(), Valid: hop.Valid}
}

// again takes a further reply to a probe. If it proves more than the best one so far, it is the
// hop, as in a scan. The record of the other one is written already, so that only the count
// tells that it is superseded. The reply that takes its place is no duplicate.
func (g *Gatherer) again(seen *matcher.Seen, hop *record.Hop) error {
	now, best := bestOf(hop), &seen.Best
	elsewhere := now.From != best.From
	switch {
	case !g.cfg.Keyed || hop.Valid == probe.Unverified:
	case now.Proof > best.Proof && g.collector.Replace(seen.Flow, seen.Sent, hop):
		g.supersede(best.Valid)
		g.believe(hop)
		*best = now
		return g.judge(seen, hop)
	case elsewhere && now.Proof >= best.Proof:
		g.collector.Contest(seen.Flow, hop.TTL)
	case elsewhere && hop.Valid == probe.Weak:
		g.Sum.Rejected.Conflict++
		hop.Withheld = true
		return g.write(g.Head(seen), hop)
	}
	g.Sum.Duplicates++
	seen.Copies++
	hop.Dup = seen.Copies
	return g.write(g.Head(seen), hop)
}

// supersede moves a reply that another one replaced to that count.
func (g *Gatherer) supersede(was probe.Validity) {
	if was == probe.Strong {
		g.Sum.Strong--
	} else {
		g.Sum.Weak--
	}
	g.Sum.Superseded++
}

// judge writes the record of a reply that is the best to its probe, with its present standing.
func (g *Gatherer) judge(seen *matcher.Seen, hop *record.Hop) error {
	hop.Withheld = g.collector.Standing(seen.Flow, &hop.Facts) == window.Withheld
	return g.write(g.Head(seen), hop)
}

// Missed takes a reply to a flow without a valid tag, which the receiver has counted.
func (g *Gatherer) Missed(head *record.Head, r *probe.Facts) { g.collector.Miss(head, r) }

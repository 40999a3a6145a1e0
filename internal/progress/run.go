package progress

import (
	"fmt"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/tabular"
)

// History keeps the last seconds of a run, for its trends.
type History struct {
	last             observe.Progress
	rates, hits, own []float64 // probes sent, share of them that was answered, frames dropped; each second
	mostRate         float64
}

// Add takes the progress of the next second, and returns the state to show. ends are the ends of the
// traces so far; they may be empty.
func (h *History) Add(work string, p *observe.Progress, ends []Part) *State {
	sent, answered, drops := since(p.Sent, h.last.Sent), since(p.Answered, h.last.Answered), since(p.Drops, h.last.Drops)
	h.mostRate = max(h.mostRate, p.RatePPS, p.AskedPPS)
	h.rates = keep(h.rates, p.RatePPS)
	h.own = keep(h.own, drops/max(answered+drops, 1))
	hit := answered / max(sent, 1)
	if sent == 0 && len(h.hits) > 0 {
		hit = h.hits[len(h.hits)-1]
	}
	h.hits = keep(h.hits, min(hit, 1))
	h.last = *p
	s := &State{Work: work, Elapsed: p.Elapsed, Share: p.Share, End: EndWords(p), Facts: h.facts(p)}
	if p.Lasts && p.Share >= 1 {
		s.Share = -1
	}
	if p.Lasts {
		s.Facts = append(s.Facts, Fact{Name: "changes", Value: tabular.Count(p.Changes), Words: "of paths", Rank: 1})
	}
	s.whole(ends)
	return s
}

// facts returns the rows of a run.
func (h *History) facts(p *observe.Progress) []Fact {
	rate := fmt.Sprintf("%s/s", tabular.Count(uint64(p.RatePPS+0.5)))
	asked := rate
	if p.AskedPPS > 0 && !p.Waiting {
		asked = fmt.Sprintf("%s of %s/s", rate, tabular.Count(uint64(p.AskedPPS+0.5)))
	}
	hit := percent(float64(p.Answered) / float64(max(p.Sent, 1)))
	facts := []Fact{
		{Name: "sent", Value: tabular.Count(p.Sent), Words: asked, Short: rate, Rank: 1},
		{Name: "replies", Value: tabular.Count(p.Answered), Words: hit + " of the probes", Short: hit, Trend: h.hits, Rank: 2},
		{Name: "drops", Value: tabular.Count(p.Drops), Words: "by this machine", Rank: 4},
	}
	if p.Sent == 0 {
		facts[1].Words, facts[1].Short = "", ""
	}
	if h.mostRate > 0 {
		for _, r := range h.rates {
			facts[0].Trend = append(facts[0].Trend, r/h.mostRate)
		}
	}
	if p.Drops > 0 {
		facts[2].Words, facts[2].Alarm, facts[2].Trend, facts[2].Rank = "by this machine: it is too slow", true, h.own, 0
		facts[2].Short = "by us"
	}
	return facts
}

// EndWords returns words about the end of a run.
func EndWords(p *observe.Progress) string {
	left := p.Left.Round(time.Second)
	switch {
	case p.Waiting:
		return fmt.Sprintf("waiting %s for replies", left)
	case p.Lasts && p.Share < 1:
		return "first paths"
	case p.Lasts:
		return "following"
	}
	return fmt.Sprintf("ETA %s", left)
}

// since returns how much a count has grown.
func since(now, before uint64) float64 { return float64(max(now, before) - before) }

// keep appends a value, and forgets those before the last mostTrend.
func keep(list []float64, v float64) []float64 {
	list = append(list, v)
	return list[max(len(list)-mostTrend, 0):]
}

package schedule

import "math"

// bounds returns the TTL above which nothing more is to be found, which may be below
// the first, and whether the path is known to lead that far.
func bounds(p *Path) (top uint8, exact bool) {
	top = p.Last()
	if end := p.State.End(); end != 0 {
		return min(top, end), end == p.State.Distance() && end <= top
	}
	if end := p.State.Unreach(); end != 0 {
		top = min(top, end)
	}
	return top, false
}

// forecast is what was expected of a path, as the Note keeps it.
//
//	bits 0–7    the distance
//	bits 8–15   the TTL at which hardly any path like it goes on, 0 if not known
//	bit 16      the distance was learned
type forecast uint64

// unknownDistance is the forecast without any knowledge: about the mean of the
// Internet.
const unknownDistance = 16

func newForecast(g Estimate) forecast {
	if g.Count == 0 {
		return unknownDistance
	}
	f := forecast(math.Round(g.Mean))
	if g.Count >= enoughDistances {
		f |= forecast(math.Ceil(g.Mean+2*g.Dev)) << 8
	}
	return f
}

// forecast returns that of a path, made before its first probe.
func (c *StrategyConfig) forecast(p *Path) forecast {
	if p.Sent == 0 {
		p.Note = uint64(newForecast(c.Distances.Estimate(p.Target())))
	}
	return forecast(p.Note)
}

// endless reports whether ttl, and what lies beyond it up to top, is not worth a
// probe: the path is not known to end, and is silent or goes round in a loop.
func (c *StrategyConfig) endless(p *Path, f forecast, ttl Step, top uint8) bool {
	return top == p.Last() && (f.silent(p, uint8(ttl), c.GapLimit) || p.InLoop())
}

func (f forecast) first() int { return int(f & 0xff) }
func (f forecast) end() uint8 { return uint8(f >> 8) }

// fewestSilent TTLs in a row end a path where the forecast says the same.
const fewestSilent = 2

// silent reports whether the TTLs below ttl, of which those behind the last router
// are silent, say that nothing beyond answers. Silence that may be our own says
// nothing.
func (f forecast) silent(p *Path, ttl uint8, limit int) bool {
	run := 0
	for t := max(p.State.Exceeded(), p.First()-1) + 1; t < ttl; t++ {
		if !p.Doubtful(t) {
			run++
		}
	}
	return run >= limit || f.end() != 0 && ttl > f.end() && run >= fewestSilent
}

// learn adds the distance of a path's target, once it is known.
func (n *Distances) learnFrom(p *Path, distance uint8, exact bool) {
	const learned = 1 << 16
	if exact && p.Note&learned == 0 {
		n.Learn(p.Target(), distance)
		p.Note |= learned
	}
}

package schedule

import "math"

// bounds returns the TTL above which there is nothing to find, and whether the path leads that
// far for certain. The TTL may be below the first one.
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

// forecast is the expected end of a path, from Distances. The distance is that before the first probe.
// Path.Note keeps the forecast.
//
//	bits 0–7    the distance
//	bits 8–15   the TTL at which hardly any similar path continues, 0 if unknown
//	bit 16      the distance of the target was learned
//	bit 17      a probe was sent only to prove that distance
type forecast uint64

const (
	endOfForecast forecast = 0xff00
	isLearned              = 1 << 16
	isProof                = 1 << 17
)

// unknownDistance is the forecast without any estimate: about the mean of the Internet.
const unknownDistance = 16

// newForecast returns the forecast of an estimate.
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

// forecast returns the forecast of a path, which it makes before the first probe.
func (c *StrategyConfig) forecast(p *Path) forecast {
	if p.Sent == 0 {
		p.Note = uint64(newForecast(c.Distances.Estimate(p.Target())))
	}
	return forecast(p.Note)
}

// endless reports whether ttl, and the TTLs from there to top, are not worth a probe. That is so
// if the end of the path is unknown, and the path is silent or in a loop.
func (c *StrategyConfig) endless(p *Path, f forecast, ttl Step, top uint8) bool {
	return top == p.Last() && (f.silent(p, uint8(ttl), c.GapLimit) || p.InLoop())
}

// withEnd returns a forecast that has an end, if enough distances are known by now. The first paths of
// a scan begin before any target has answered. Such a path would go on for more silent TTLs.
func (c *StrategyConfig) withEnd(p *Path, f forecast) forecast {
	if f.end() == 0 {
		f |= newForecast(c.Distances.Estimate(p.Target())) & endOfForecast
		p.Note |= uint64(f & endOfForecast)
	}
	return f
}

func (f forecast) first() int { return int(f & 0xff) }
func (f forecast) end() uint8 { return uint8(f >> 8) }

// fewestSilent is how many silent TTLs in a row end a path if its forecast ends there too.
const fewestSilent = 2

// silent reports whether the silent TTLs between the last router and ttl are enough to expect no
// answer beyond. A TTL that this machine may have silenced does not count.
func (f forecast) silent(p *Path, ttl uint8, limit int) bool {
	run := 0
	for t := max(p.State.Heard(), p.First()-1) + 1; t < ttl; t++ {
		if !p.Doubtful(t) {
			run++
		}
	}
	return run >= limit || f.end() != 0 && ttl > f.end() && run >= fewestSilent
}

// learnFrom adds the distance of a path's target, once, as soon as it is exact and proved. It is
// proved if the target answered a probe with that very TTL. A target does not receive probes with
// a lower TTL. So it cannot pretend to be nearer than it is, and shorten the traces to other
// targets.
//
// A path that begins below its target proves the distance on its way. Of those that begin beyond, one in
// proveEvery sends a probe for that, and stands for the others. Else far targets would count more.
func (d *Distances) learnFrom(p *Path, distance uint8, exact bool) {
	if !exact || p.Note&isLearned != 0 || p.State.Reached() != distance {
		return
	}
	share := 1
	if p.Note&isProof != 0 {
		share = proveEvery
	}
	d.Learn(p.Target(), distance, share)
	p.Note |= isLearned
}

package schedule

// LastHop finds how far each path leads, by halving. It stands in
// docs/strategies.md as the example of a strategy.
type LastHop struct{}

// Next implements Strategy.
func (LastHop) Next(p *Path) Step {
	low, high := p.First(), p.Last() // the end of the path lies here
	if end := p.State.End(); end != 0 {
		high = end
	}
	low = max(low, p.State.Exceeded()+1)
	if p.Pending() {
		return Await
	}
	for low < high {
		middle := (low + high) / 2
		if !p.IsSent(middle) {
			return Step(middle)
		}
		high = middle // silent: taken for the target
	}
	return Enough
}

package engine

import "github.com/masstrace/masstrace/internal/change"

// apply makes the new path the known one.
func (e *Engine) apply(j *job) {
	p, s := e.paths, &e.paths.states[j.target]
	last := e.lastAfter(j)
	var hops [ttls]id
	var seen [ttls]tick
	for t := e.cfg.MinTTL; t <= last; t++ {
		hops[t] = e.after(j, t)
		if old := int(t) - j.shift; t > j.asked && old >= 1 && p.seen[old] != nil {
			seen[t] = p.seen[old][j.target]
		} else if p.seen[t] != nil && t < j.low {
			seen[t] = p.seen[t][j.target]
		}
	}
	e.describe(j, last)
	weak := e.weakAfter(j, last)
	p.remember(j.target)
	s.Flips = flips(s, &j.diff, p.tick(j.rtts[j.ttl].Sent))
	s.Back = p.hop(j.target, j.diff.TTL)
	end := j.end
	if end == 0 && (j.shift != 0 || j.joins(e)) && s.End != 0 {
		end, j.reached = uint8(int(s.End)+j.shift), s.Reached
	}
	for t := e.cfg.MinTTL; t <= max(last, s.Last); t++ {
		p.set(j.target, t, hops[t])
		switch {
		case t <= last && t >= j.low && t <= j.asked && hops[t] >= firstID && j.got[t] == hops[t]:
			p.verify(j.target, t, &j.rtts[t])
		case t <= last && p.seen[t] != nil:
			p.seen[t][j.target] = seen[t]
		}
	}
	s.End, s.Reached, s.Last, s.Weak = end, j.reached, last, weak
	s.Unstable = unstable(s.Unstable, j, j.shift != 0 || j.joins(e))
	s.Changes++
	s.Changed = p.tick(j.rtts[j.ttl].Sent)
	e.routine.heat(j.target)
}

// unstable returns the TTLs of the new path at which a balancer alternates: those before the
// difference, and behind it if the path goes on as before.
func unstable(old uint64, j *job, joins bool) uint64 {
	kept := old & (1<<j.low - 1)
	if joins {
		behind := old >> max(int(j.asked)+1-j.shift, 0)
		kept |= behind << (j.asked + 1)
	}
	return kept
}

// flips returns how often in a row a path has changed back to what it was, of late. Each time makes
// more answers necessary: some balancers send few packets to a branch.
func flips(s *state, d *change.Difference[id], now tick) uint8 {
	if s.Changes == 0 || d.After != s.Back || now-s.Changed > hotFor {
		return 0
	}
	return min(s.Flips+1, 8)
}

package engine

import "testing"

// hops returns the routers of the path to target 0 by their last octet, with 255 for the target.
func (s *script) hops() (list [5]byte) {
	for _, h := range s.Path(0, nil).Hops {
		if list[h.TTL] = h.Addr[15]; h.Addr == s.Targets()[0] {
			list[h.TTL] = 255
		}
	}
	return list
}

// A path that goes back to what it was before is recognized by two of its hops, and one that only
// begins like it is not taken for it.
func TestRecall(t *testing.T) {
	a, b, c := [5]byte{0, 1, 2, 3, 255}, [5]byte{0, 1, 12, 13, 255}, [5]byte{0, 1, 2, 23, 255}
	for _, tt := range []struct {
		name  string
		third [5]byte
	}{{"back", a}, {"like before", c}} {
		s := newScript(1)
		path := a
		answer := func(q Ask) byte { return path[q.TTL] }
		for i, next := range [][5]byte{a, b, tt.third} {
			path = next
			s.run(4000, answer)
			if got := s.hops(); got != next || len(s.told) != i {
				t.Errorf("%s: path %v, want %v; %d changes were told", tt.name, got, next, len(s.told))
			}
		}
	}
}

// If a path changes again while its new hops are asked, no mixture of both becomes known.
func TestOutlived(t *testing.T) {
	s := newScript(1)
	path := [5]byte{0, 1, 2, 3, 255}
	answer := func(q Ask) byte { return path[q.TTL] }
	s.run(400, answer)
	path = [5]byte{0, 1, 12, 13, 255}
	for s.Counts.Outlived == 0 && s.now < 3600e9 {
		s.run(1, func(q Ask) byte {
			if q.job != nil && q.job.phase == widening && q.job.widenedOnce() {
				path = [5]byte{0, 1, 2, 3, 255}
				s.now += recheckAfter
			}
			return answer(q)
		})
	}
	s.run(4000, answer)
	if got := s.hops(); got != path || len(s.told) != 0 || s.Counts.Outlived != 1 {
		t.Errorf("path %v; told %+v; %+v", got, s.told, s.Counts)
	}
}

// widenedOnce reports whether a TTL beside that of the doubt was answered.
func (j *job) widenedOnce() bool {
	for ttl, hop := range j.got {
		if ttl != int(j.ttl) && hop != unasked {
			return true
		}
	}
	return false
}

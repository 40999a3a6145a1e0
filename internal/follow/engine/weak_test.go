package engine

import "testing"

// Answers with one tag show a change only on a path that is weak to its end. Those with two tags
// show it anywhere.
func TestWeakChange(t *testing.T) {
	const targets = 12
	for _, tt := range []struct {
		name         string
		before, then func(ttl uint8) bool // which answers are weak
		told         int
	}{
		{"strong", func(uint8) bool { return false }, func(uint8) bool { return false }, targets},
		{"weak on a strong path", func(uint8) bool { return false }, func(ttl uint8) bool { return ttl >= 2 }, 0},
		{"all weak on a strong path", func(uint8) bool { return false }, func(uint8) bool { return true }, 0},
		{"beyond a box", func(ttl uint8) bool { return ttl >= 2 }, func(ttl uint8) bool { return ttl >= 2 }, targets},
		{"a box before a strong target", func(ttl uint8) bool { return ttl == 2 || ttl == 3 }, func(ttl uint8) bool { return ttl == 2 || ttl == 3 }, 0},
		{"weak throughout", func(uint8) bool { return true }, func(uint8) bool { return true }, targets},
	} {
		s := newScript(targets)
		weak, moved := tt.before, false
		s.weak = func(a Ask, _ byte) bool { return weak(a.TTL) }
		answer := func(a Ask) byte {
			switch {
			case a.TTL == 4:
				return 255
			case a.TTL == 1 || !moved:
				return a.TTL
			}
			return 10 + a.TTL
		}
		s.run(600, answer)
		if s.Counts.Traced != targets || len(s.told) != 0 || !s.paths.states[0].Reached {
			t.Fatalf("%s: %+v", tt.name, s.Counts)
		}
		moved, weak = true, tt.then
		s.run(2000, answer)
		s.Finish(s.now)
		if got := int(s.Counts.Affected); got != tt.told || (s.Counts.Weak > 0) != (tt.told == 0) {
			t.Errorf("%s: %d paths are told, want %d: %+v", tt.name, got, tt.told, s.Counts)
		}
	}
}

// A weak answer that was first is taken back when one with two tags contradicts it, and no change is
// told. It does not end a path either.
func TestWeakFirst(t *testing.T) {
	for _, tt := range []struct {
		name   string
		forged byte
	}{{"hop", 99}, {"end", 255}} {
		s := newScript(6)
		forges := true
		answer := func(a Ask) byte {
			switch {
			case a.TTL == 4:
				return 255
			case a.TTL == 2 && forges:
				return tt.forged
			}
			return a.TTL
		}
		s.weak = func(a Ask, n byte) bool { return a.TTL == 2 && n == tt.forged }
		s.run(6*8, answer)
		p := s.Path(0, nil)
		if s.Counts.Traced != 6 || p.End != 4 || !p.Reached {
			t.Fatalf("%s: %+v, %+v", tt.name, s.Counts, p)
		}
		forges = false
		s.run(400, answer)
		for i := range s.Targets() {
			p := s.Path(i, nil)
			if p.End != 4 || len(p.Hops) != 4 || p.Hops[1].Addr != router(2) {
				t.Errorf("%s: the path is %+v", tt.name, p)
			}
		}
		if s.Counts.Traced != 6 || s.Counts.Doubts != 0 || len(s.told) != 0 {
			t.Errorf("%s: %+v, told %+v", tt.name, s.Counts, s.told)
		}
	}
}

// A weak path is known as such after it has changed, and in another process.
func TestWeakKept(t *testing.T) {
	s := newScript(12)
	moved := byte(0)
	s.weak = func(a Ask, _ byte) bool { return a.TTL >= 2 }
	answer := func(a Ask) byte {
		switch a.TTL {
		case 4:
			return 255
		case 1:
			return 1
		}
		return moved + a.TTL
	}
	s.run(600, answer)
	for change := 1; change <= 3; change++ {
		moved = byte(10 * change)
		s.run(4000, answer)
		b, err := s.Save(s.now)
		if err != nil {
			t.Fatal(err)
		}
		next := newScript(12)
		next.now, next.weak = s.now, s.weak
		if err := next.Load(b); err != nil {
			t.Fatal(err)
		}
		if s = next; s.Counts.Affected != uint64(12*change) {
			t.Fatalf("%d paths are told after %d changes: %+v", s.Counts.Affected, change, s.Counts)
		}
		for i := range s.paths.states {
			if got := s.paths.states[i].Weak; got != 0b11100 {
				t.Fatalf("the weak TTLs are %b after %d changes", got, change)
			}
		}
	}
}

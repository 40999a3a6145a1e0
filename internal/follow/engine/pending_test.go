package engine

import (
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/record"
)

// A process may be killed at any moment after its state was saved: the next one tells each change of a
// target once, whether the first one had found it, told it, or neither.
func TestKilled(t *testing.T) {
	const targets = 12
	n := effort.Count(50, 400)
	for i := range n {
		probes := 1 + i*400/n
		s := newScript(targets)
		moved := false
		answer := func(q Ask) byte {
			switch {
			case q.TTL == 4:
				return 255
			case q.TTL == 1 || !moved:
				return q.TTL
			}
			return 10 + q.TTL
		}
		s.run(600, answer)
		if s.Counts.Traced != targets || len(s.told) != 0 {
			t.Fatalf("%+v", s.Counts)
		}
		moved = true
		s.run(probes, answer)
		b, err := s.Save(s.now)
		if err != nil {
			t.Fatal(err)
		}
		next := newScript(targets)
		next.now = s.now
		if err := next.Load(b); err != nil {
			t.Fatal(err)
		}
		next.told = append(next.told, s.told...) // what the output has up to the mark
		for next.now < s.now+300e9 {
			next.run(100, answer)
		}
		next.Finish(next.now)
		count := map[string]int{}
		for _, c := range next.told {
			for _, target := range c.Targets {
				count[target.String()]++
			}
		}
		n := &next.Counts
		if len(count) != targets || len(next.told) == 0 {
			t.Fatalf("killed after %d probes: %d targets of %d are told", probes, len(count), targets)
		}
		for target, n := range count {
			if n != 1 {
				t.Fatalf("killed after %d probes: %s is told %d times: %+v", probes, target, n, next.told)
			}
		}
		if n.Affected != targets || n.Changes != n.Routes+n.Balancers+n.Unclear || n.Waiting() != 0 ||
			n.First+n.Routine+n.Inquiry != n.Answered+n.Unanswered+n.Unsent+n.Forgotten {
			t.Fatalf("killed after %d probes: %+v", probes, *n)
		}
	}
}

// movesAt2 answers for a target at TTL 4, whose second router is another one once moved is set.
func movesAt2(moved *bool) func(Ask) byte {
	return func(q Ask) byte {
		switch {
		case q.TTL == 4:
			return 255
		case q.TTL == 2 && *moved:
			return 20
		}
		return q.TTL
	}
}

// TestFinish tells the changes that are certain at the end, and no others.
func TestFinish(t *testing.T) {
	s := newScript(8)
	moved := false
	answer := movesAt2(&moved)
	s.run(400, answer)
	moved = true
	for len(s.events) == 0 || !s.events[0].classified {
		s.run(1, answer)
	}
	s.Finish(s.now)
	if len(s.told) != 1 || s.told[0].Kind == record.BalancerChange || s.told[0].Number != 1 || len(s.told[0].Before) == 0 {
		t.Errorf("%+v", s.told)
	}
	s.Finish(s.now)
	if len(s.told) != 1 {
		t.Errorf("told again: %+v", s.told)
	}
}

// An inquiry that goes on at the end is open, and not told.
func TestOpen(t *testing.T) {
	s := newScript(1)
	moved := false
	answer := movesAt2(&moved)
	s.run(100, answer)
	if s.Open() != 0 {
		t.Errorf("%d inquiries are open before a change", s.Open())
	}
	moved = true
	for s.Counts.Doubts == 0 {
		s.run(1, answer)
	}
	s.Finish(s.now)
	if s.Open() != 1 || len(s.told) != 0 {
		t.Errorf("%d inquiries are open, told %+v", s.Open(), s.told)
	}
}

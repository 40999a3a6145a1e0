package schedule

import "github.com/masstrace/masstrace/internal/window"

// traversal is a schedule's way through its part of one window.
type traversal interface {
	// begin goes to the start of a window, and forgets the window before.
	begin(w *window.Window, now int64)
	// next is Schedule.Next for that window. Done means that its part is closed.
	next(items []window.Item, now int64) (n int, wake int64)
}

// traversals are those of the open windows, up to window.Live of them, oldest first. While one
// window waits for its replies, the next ones are sent.
type traversals[T traversal] struct {
	ready   <-chan *window.Window
	fresh   func() T
	live    []asleep[T] // oldest first, except that those abreast take turns
	abreast int         // so many of the oldest take turns; 0: the oldest always goes first
	idle    []T         // to be used again
	closed  bool        // ready brings no more windows
}

// asleep is a traversal that has nothing to do before a time, in ns.
type asleep[T traversal] struct {
	traversal T
	wake      int64
}

// wakeAll ends the sleep of all traversals.
func (s *traversals[T]) wakeAll() {
	for i := range s.live {
		s.live[i].wake = 0
	}
}

// next is Schedule.Next.
func (s *traversals[T]) next(items []window.Item, now int64) (n int, next int64) {
	s.beginOpened(now)
	s.takeTurns()
	next = Done
	for i := 0; i < len(s.live); {
		t := &s.live[i]
		if t.wake > now {
			next = min(next, t.wake)
			i++
			continue
		}
		k, wake := t.traversal.next(items[n:], now)
		n += k
		if wake == Done {
			s.idle = append(s.idle, t.traversal)
			s.live = append(s.live[:i], s.live[i+1:]...)
			continue
		}
		if k > 0 { // the traversal notes when they were stamped
			wake = min(wake, now+poll)
		}
		t.wake = wake
		if n == len(items) {
			return n, now
		}
		next = min(next, wake)
		i++
	}
	if !s.closed {
		next = min(next, now+poll)
	}
	return n, next
}

// takeTurns makes the first of the traversals abreast the last of them.
func (s *traversals[T]) takeTurns() {
	if n := min(s.abreast, len(s.live)); n > 1 {
		first := s.live[0]
		copy(s.live, s.live[1:n])
		s.live[n-1] = first
	}
}

// beginOpened begins the windows that were opened meanwhile.
func (s *traversals[T]) beginOpened(now int64) {
	for !s.closed && len(s.live) < window.Live {
		select {
		case w, ok := <-s.ready:
			if !ok {
				s.closed = true
				return
			}
			t := s.take()
			t.begin(w, now)
			s.live = append(s.live, asleep[T]{traversal: t})
		default:
			return
		}
	}
}

// take returns an idle traversal, or a new one.
func (s *traversals[T]) take() T {
	n := len(s.idle)
	if n == 0 {
		return s.fresh()
	}
	t := s.idle[n-1]
	s.idle = s.idle[:n-1]
	return t
}

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
	ready  <-chan *window.Window
	fresh  func() T
	live   []T  // oldest first
	idle   []T  // to be used again
	closed bool // ready brings no more windows
}

// next is Schedule.Next.
func (s *traversals[T]) next(items []window.Item, now int64) (n int, next int64) {
	s.beginOpened(now)
	next = Done
	for i := 0; i < len(s.live); {
		t := s.live[i]
		k, wake := t.next(items[n:], now)
		n += k
		if wake == Done {
			s.live = append(s.live[:i], s.live[i+1:]...)
			s.idle = append(s.idle, t)
			continue
		}
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
			s.live = append(s.live, t)
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

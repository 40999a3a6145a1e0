package schedule

import "github.com/masstrace/masstrace/internal/window"

// walker is the way of a schedule through its part of one window.
type traversal interface {
	// begin goes to the start of a window, whatever it was in before.
	begin(w *window.Window, now int64)
	// next is Schedule.Next for that window; Done says that its part is closed.
	next(items []window.Item, now int64) (n int, wake int64)
}

// walks are the ways through the windows that are open, up to window.Live of
// them, oldest first: while one waits for its replies, the next ones are sent.
type traversals[W traversal] struct {
	ready  <-chan *window.Window
	fresh  func() W
	live   []W  // oldest first
	idle   []W  // to be used again
	closed bool // ready brings no more
}

// next is Schedule.Next.
func (s *traversals[W]) next(items []window.Item, now int64) (n int, next int64) {
	s.admit(now)
	next = Done
	for i := 0; i < len(s.live); {
		w := s.live[i]
		k, wake := w.next(items[n:], now)
		n += k
		if wake == Done {
			s.live = append(s.live[:i], s.live[i+1:]...)
			s.idle = append(s.idle, w)
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

// admit takes over windows that were opened meanwhile.
func (s *traversals[W]) admit(now int64) {
	for !s.closed && len(s.live) < window.Live {
		select {
		case w, ok := <-s.ready:
			if !ok {
				s.closed = true
				return
			}
			walk := s.take()
			walk.begin(w, now)
			s.live = append(s.live, walk)
		default:
			return
		}
	}
}

func (s *traversals[W]) take() W {
	n := len(s.idle)
	if n == 0 {
		return s.fresh()
	}
	w := s.idle[n-1]
	s.idle = s.idle[:n-1]
	return w
}

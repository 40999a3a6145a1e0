package scan

import "context"

// openWindows fills windows with targets, ahead of the schedulers, from the first number
// on. It ends when all are open or stop ends, and closes the channels of the senders. It
// returns the number of the first window that it did not open.
func (s *scan) openWindows(stop context.Context) (taken uint64) {
	defer func() {
		for _, ready := range s.ready {
			close(ready)
		}
	}()
	for id := s.first; id < s.plan.Windows; id++ {
		select {
		case w := <-s.free:
			s.plan.OpenWindow(s.set, w, id)
			w.Share(len(s.ready))
			for _, ready := range s.ready {
				ready <- w // has room for every window there is
			}
		case <-stop.Done():
			return id
		}
	}
	return max(s.first, s.plan.Windows)
}

package verdict

import (
	"sync"

	"github.com/masstrace/masstrace/internal/record"
)

// Shared is a Judge that several goroutines use. The zero Shared is ready.
type Shared struct {
	mu    sync.Mutex
	judge Judge
}

// Trace is Judge.Trace.
func (s *Shared) Trace(t *record.Trace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.judge.Trace(t)
}

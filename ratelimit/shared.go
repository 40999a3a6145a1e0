package ratelimit

import "sync"

// Shared is a Bucket for several senders; each takes from it through its own Share. There is one
// rate and one burst over all of them. If one sender has nothing to send, the others get its
// packets.
//
// No sender blocks. A take lasts some 30 ns, once per batch. A sender that finds the bucket locked
// tries again for about the time of some takes. If the holder of the lock is suspended, the sender
// gets 0 packets and a time to come back soon. So the bound of Bucket still holds, and a delayed
// sender delays no other.
type Shared struct {
	mu     sync.Mutex
	bucket Bucket
}

// NewShared returns a Shared whose schedule starts now.
func NewShared(c Config, now int64) *Shared { return &Shared{bucket: *New(c, now)} }

// Share returns a new Share, for one more sender.
func (s *Shared) Share() *Share { return &Share{shared: s} }

// SetRate changes the rate as Bucket.SetRate does. Any goroutine may call it.
func (s *Shared) SetRate(now int64, pps float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bucket.SetRate(now, pps)
}

// Share is one sender's access to a Shared. It belongs to one goroutine.
type Share struct {
	shared  *Shared
	granted int // packets of the last Take that were not returned
	owed    int // packets returned here but not yet to the bucket
}

// How often to try to lock the bucket, and the ns to wait before the next try.
const (
	takeTries = 100
	takeAgain = 5e3
)

// Take grants n packets now: want, or as many as there are tokens. next is when to call Take again:
// when there are tokens for a whole batch (see Bucket.Batch).
func (h *Share) Take(now int64, want int) (n int, next int64) {
	s := h.shared
	if !s.tryLock() {
		h.granted = 0
		return 0, now + takeAgain
	}
	defer s.mu.Unlock()
	b := &s.bucket
	b.give(h.owed)
	h.owed = 0
	n, _ = b.Take(now, want)
	h.granted = n
	return n, b.At(b.Batch())
}

// Return returns n packets that the last Take granted and that did not leave. They go to the bucket
// at once, because other senders may need them.
func (h *Share) Return(n int) {
	if n = min(max(n, 0), h.granted); n == 0 {
		return
	}
	h.granted -= n
	h.owed += n
	if h.shared.tryLock() {
		h.shared.bucket.give(h.owed)
		h.owed = 0
		h.shared.mu.Unlock()
	}
}

func (s *Shared) tryLock() bool {
	for range takeTries {
		if s.mu.TryLock() {
			return true
		}
	}
	return false
}

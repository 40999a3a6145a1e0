package ratelimit

import "sync"

// Shared is a Bucket that several senders take from, each by a Share of its own:
// one rate and one burst over all of them, and nothing is left over where one has
// nothing to send.
//
// Nobody waits for anybody. A take lasts some 30 ns and comes once a batch; a
// sender that finds the bucket taken tries again for as long as some takes last,
// and if its holder was suspended just then, is told to come back soon. So the
// bound of Bucket holds as it stands, and a sender that is held up holds up no
// other.
type Shared struct {
	mu     sync.Mutex
	bucket Bucket
}

// NewShared returns a Shared whose schedule starts now.
func NewShared(c Config, now int64) *Shared { return &Shared{bucket: *New(c, now)} }

// Share returns a hold on the bucket for one more sender.
func (s *Shared) Share() *Share { return &Share{shared: s} }

// SetRate changes the rate as Bucket.SetRate does. Any goroutine may call it.
func (s *Shared) SetRate(now int64, pps float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bucket.SetRate(now, pps)
}

// Share is one sender's hold on a Shared. It belongs to one goroutine.
type Share struct {
	shared  *Shared
	granted int // by the last Take, and not returned
	owed    int // returned, and not yet given to the bucket
}

// How often to try for a bucket that is taken, and in how many ns to come back if
// it still is.
const (
	takeTries = 100
	takeAgain = 5e3
)

// Take grants n packets now: want, or as many as there are. next is when to ask
// again: when a whole batch is there (see Bucket.Batch).
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

// Return gives back n packets that the last Take granted and that did not leave:
// at once, since the others may want them.
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

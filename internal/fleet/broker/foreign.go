package broker

import "sync"

// foreign counts the requests whose answer should go to a subject that is not the inbox of the name
// that asked.
type foreign struct {
	mu    sync.Mutex
	count uint64
	names map[string]bool // names that the owner of the hub has read about
}

// ignore counts such a request. The owner of the hub reads about the first one of each name.
func (b *Broker) ignore(name string) {
	b.foreign.mu.Lock()
	b.foreign.count++
	news := !b.foreign.names[name]
	b.foreign.names[name] = true
	b.foreign.mu.Unlock()
	if news {
		b.cfg.Event(name + " asks for an answer outside of its own inbox, and gets none: revoke it, or update it if it is of another version")
	}
}

// Ignored returns how many requests were ignored, because their answer should go to another inbox.
func (b *Broker) Ignored() uint64 {
	b.foreign.mu.Lock()
	defer b.foreign.mu.Unlock()
	return b.foreign.count
}

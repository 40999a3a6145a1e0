package hub

import "sync"

// guard is a mutex that keeps the events of its holder until it is free. An observer may take long,
// and agents must get their answers meanwhile.
type guard struct {
	sync.Mutex
	event func(text string)
	news  []string
}

// report reports an event after Unlock. The caller holds the mutex.
func (g *guard) report(text string) { g.news = append(g.news, text) }

// Unlock frees the mutex, and reports the events.
func (g *guard) Unlock() {
	news := g.news
	g.news = nil
	g.Mutex.Unlock()
	for _, text := range news {
		g.event(text)
	}
}

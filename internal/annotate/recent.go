package annotate

import "github.com/masstrace/masstrace/internal/record"

// mostRecent is how many answers one generation has: with 40 octets of each in the map, both
// generations together have less than 64 MB. The annotations themselves are fewer.
const mostRecent = 1 << 19

// recent remembers annotations. It has two generations. A full generation becomes the old one, and
// the old one is dropped, unless its entries were asked for since. Its zero value is empty.
type recent[K comparable] struct {
	now, old map[K]*record.Annotation
}

// get returns what was put for a key.
func (r *recent[K]) get(key K) (n *record.Annotation, ok bool) {
	if n, ok = r.now[key]; ok {
		return n, true
	}
	if r.old != nil {
		if n, ok = r.old[key]; ok {
			r.put(key, n)
		}
	}
	return n, ok
}

// put remembers an annotation, which may be nil.
func (r *recent[K]) put(key K, n *record.Annotation) {
	if r.now == nil {
		r.now = map[K]*record.Annotation{}
	}
	if len(r.now) >= mostRecent {
		r.old, r.now = r.now, make(map[K]*record.Annotation, mostRecent)
	}
	r.now[key] = n
}

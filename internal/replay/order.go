package replay

import (
	"container/heap"

	"github.com/masstrace/masstrace/internal/pcapng"
)

// order puts frames in the order of their stamps. Captures of several rings or interfaces are not
// in order, and a reply before its probe would answer nothing.
//
// It holds a frame until one comes that is mostBehind later, or until it holds too many. Most
// frames come in order and wait in a queue. Only the others wait in a heap.
type order struct {
	take   func(*pcapng.Entry) error
	queue  []held // in order, from first on
	first  int
	behind laggards
	number uint64 // of the next frame

	newest   int64 // stamp
	released int64 // the highest stamp that was given to take
	octets   int
	free     [len(sizes)][][]byte

	// Late counts frames that came too late for their place.
	Late uint64
}

// Limits of an order: the time for which a frame waits, in ns of the capture, the frames that may
// wait, and their octets.
const (
	mostBehind = 2e9
	mostHeld   = 1 << 16
	mostOctets = 16 << 20
)

// sizes are the sizes of the buffers that are used again.
var sizes = [...]int{128, 512, 2048}

// held is a frame that waits. Frames with one stamp keep the order of the file.
type held struct {
	pcapng.Entry
	number uint64
}

func (h *held) before(other *held) bool {
	return h.Stamp < other.Stamp || h.Stamp == other.Stamp && h.number < other.number
}

// add takes the next frame of the files.
func (o *order) add(e *pcapng.Entry) error {
	h := held{*e, o.number}
	o.number++
	if h.Stamp == 0 { // the file records none
		h.Stamp = o.newest
	}
	h.Frame = append(o.buffer(len(e.Frame)), e.Frame...)
	o.octets += cap(h.Frame)
	switch {
	case h.Stamp < o.released:
		o.Late++
		heap.Push(&o.behind, h)
	case len(o.queue) > o.first && h.Stamp < o.queue[len(o.queue)-1].Stamp:
		heap.Push(&o.behind, h)
	default:
		o.queue = append(o.queue, h)
	}
	o.newest = max(o.newest, h.Stamp)
	return o.release(o.newest - mostBehind)
}

// release gives the frames on that are not after a time, and those for which there is no room.
func (o *order) release(until int64) error {
	for {
		h := o.next()
		if h == nil || h.Stamp > until && len(o.queue)-o.first+len(o.behind) <= mostHeld && o.octets <= mostOctets {
			return nil
		}
		entry := h.Entry
		o.drop(h)
		o.released = max(o.released, entry.Stamp)
		err := o.take(&entry)
		o.reuse(entry.Frame)
		if err != nil {
			return err
		}
	}
}

// next returns the first frame that waits, or nil.
func (o *order) next() *held {
	var first *held
	if len(o.queue) > o.first {
		first = &o.queue[o.first]
	}
	if len(o.behind) > 0 && (first == nil || o.behind[0].before(first)) {
		first = &o.behind[0]
	}
	return first
}

// drop removes the first frame, which is h.
func (o *order) drop(h *held) {
	if len(o.behind) > 0 && h == &o.behind[0] {
		heap.Pop(&o.behind)
		return
	}
	o.queue[o.first] = held{}
	if o.first++; o.first == len(o.queue) || o.first >= mostHeld {
		n := copy(o.queue, o.queue[o.first:])
		o.queue, o.first = o.queue[:n], 0
	}
}

// buffer returns an empty buffer for n octets.
func (o *order) buffer(n int) []byte {
	for i, size := range sizes {
		if n > size {
			continue
		}
		free := o.free[i]
		if len(free) == 0 {
			return make([]byte, 0, size)
		}
		o.free[i] = free[:len(free)-1]
		return free[len(free)-1][:0]
	}
	return make([]byte, 0, n)
}

// reuse takes a buffer back.
func (o *order) reuse(b []byte) {
	o.octets -= cap(b)
	for i, size := range sizes {
		if cap(b) == size {
			o.free[i] = append(o.free[i], b)
		}
	}
}

// laggards is a heap of frames that came after later ones.
type laggards []held

func (l laggards) Len() int           { return len(l) }
func (l laggards) Less(i, j int) bool { return l[i].before(&l[j]) }
func (l laggards) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *laggards) Push(x any)        { *l = append(*l, x.(held)) }
func (l *laggards) Pop() any {
	last := len(*l) - 1
	h := (*l)[last]
	(*l)[last] = held{}
	*l = (*l)[:last]
	return h
}

package parquet

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// kept are copies of the records of a row group. It uses its memory again for the next one.
type kept struct {
	rows    int
	traces  []record.Trace
	replies []record.Reply
	order   []place
	room    []byte // texts of targets

	hops     []record.Hop
	inferred []record.Interface
	silent   []record.TTLAttempt
	loops    []record.Loop
	octets   []byte
	notes    []*record.Annotation
	path     []record.PathPart
}

// place is the position of a record in the order of a row group.
type place struct {
	target []byte // as text, as the column is compared
	flow   uint16
	index  int32
}

// add appends a copy of s to an array, and returns the copy. A full array is left to the copies in
// it, and replaced.
func add[T any](array *[]T, s []T) []T {
	if len(s) == 0 {
		return nil
	}
	if len(*array)+len(s) > cap(*array) {
		*array = make([]T, 0, max(2*cap(*array), len(s), 1024))
	}
	at := len(*array)
	*array = append(*array, s...)
	return (*array)[at:len(*array):len(*array)]
}

// trace keeps a trace, perhaps without its hops.
func (k *kept) trace(t *record.Trace, hops bool) {
	k.place(t.Target, t.FlowIndex, len(k.traces))
	k.traces = append(k.traces, *t)
	c := &k.traces[len(k.traces)-1]
	c.Silent, c.Loops = add(&k.silent, t.Silent), add(&k.loops, t.Loops)
	for _, list := range []*[]uint8{&c.RateLimited, &c.UnderDrops, &c.Contested, &c.Withheld} {
		*list = add(&k.octets, *list)
	}
	c.ASPath = add(&k.path, t.ASPath)
	if c.Hops, c.Inferred, c.InferredAnnotations = nil, nil, nil; !hops {
		return
	}
	c.InferredAnnotations = add(&k.notes, t.InferredAnnotations)
	c.Hops, c.Inferred = add(&k.hops, t.Hops), add(&k.inferred, t.Inferred)
	for i := range c.Hops {
		c.Hops[i].Ext = add(&k.octets, c.Hops[i].Ext)
	}
}

// reply keeps a reply.
func (k *kept) reply(r *record.Reply) {
	k.place(r.Head.Target, r.FlowIndex, len(k.replies))
	k.replies = append(k.replies, *r)
	c := &k.replies[len(k.replies)-1]
	c.Ext = add(&k.octets, r.Ext)
}

func (k *kept) place(target probe.Addr, flow uint16, index int) {
	var text [64]byte
	k.order = append(k.order, place{add(&k.room, target.Netip().AppendTo(text[:0])), flow, int32(index)})
}

// sort sorts the places. Records of one target and flow stay as they came.
func (k *kept) sort() {
	slices.SortFunc(k.order, func(a, b place) int {
		if c := bytes.Compare(a.target, b.target); c != 0 {
			return c
		}
		return cmp.Or(cmp.Compare(a.flow, b.flow), cmp.Compare(a.index, b.index))
	})
}

// sortedTraces yields the traces in order.
func (k *kept) sortedTraces() func(yield func(int, *record.Trace) bool) {
	return func(yield func(int, *record.Trace) bool) {
		if len(k.traces) == 0 {
			return
		}
		k.sort()
		for i := range k.order {
			if !yield(i, &k.traces[k.order[i].index]) {
				return
			}
		}
	}
}

// sortedReplies yields the replies in order.
func (k *kept) sortedReplies() func(yield func(int, *record.Reply) bool) {
	return func(yield func(int, *record.Reply) bool) {
		if len(k.replies) == 0 {
			return
		}
		k.sort()
		for i := range k.order {
			if !yield(i, &k.replies[k.order[i].index]) {
				return
			}
		}
	}
}

// reset drops all records, and keeps their memory.
func (k *kept) reset() {
	k.rows = 0
	k.traces, k.replies, k.order, k.room = k.traces[:0], k.replies[:0], k.order[:0], k.room[:0]
	k.hops, k.inferred, k.silent, k.loops, k.octets = k.hops[:0], k.inferred[:0], k.silent[:0], k.loops[:0], k.octets[:0]
	k.notes, k.path = k.notes[:0], k.path[:0]
}

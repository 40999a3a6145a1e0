package schedule

// none ends a list of paths.
const none = ^uint32(0)

// queue holds the paths of a window that are not done. Ready paths are in a list, in the order
// in which they became ready. Waiting paths are on a timing wheel (Varghese and Lauck, 1987).
// Each path is in one list, through its own link.
type queue struct {
	link       []uint32
	head, tail uint32 // of the ready paths
	wheel      [ticks]uint32
	now        int64 // time of the current tick
	tick       int64 // ns
	waiting    int   // paths on the wheel
}

// ticks is the number of lists on the wheel. A path that is due beyond them is visited too
// early, and put back.
const ticks = 512

// reset makes n paths ready, in the order of their numbers.
func (q *queue) reset(n int, now, tick int64) {
	if cap(q.link) < n {
		q.link = make([]uint32, n)
	}
	q.link = q.link[:n]
	q.head, q.tail = none, none
	for i := range q.wheel {
		q.wheel[i] = none
	}
	q.now, q.tick, q.waiting = now, max(tick, 1), 0
	for i := range uint32(n) {
		q.pushReady(i)
	}
}

// pushReady makes a path the last of the ready ones.
func (q *queue) pushReady(i uint32) {
	q.link[i] = none
	if q.head == none {
		q.head = i
	} else {
		q.link[q.tail] = i
	}
	q.tail = i
}

// pushFirst makes a path the first of the ready ones.
func (q *queue) pushFirst(i uint32) {
	q.link[i] = q.head
	if q.head == none {
		q.tail = i
	}
	q.head = i
}

// popReady takes the path that has been ready longest.
func (q *queue) popReady() (i uint32, ok bool) {
	if q.head == none {
		return 0, false
	}
	i = q.head
	q.head = q.link[i]
	return i, true
}

// wakeAt makes a path ready at a time, up to two ticks later, or earlier.
func (q *queue) wakeAt(i uint32, at int64) {
	n := min(max((at-q.now)/q.tick+1, 1), ticks-1)
	list := &q.wheel[(q.now/q.tick+n)%ticks]
	q.link[i] = *list
	*list = i
	q.waiting++
}

// advance makes the paths ready that are due.
func (q *queue) advance(now int64) {
	for n := 0; q.now+q.tick <= now; n++ {
		if n == ticks { // everything was due
			q.now = now
			return
		}
		q.now += q.tick
		list := &q.wheel[q.now/q.tick%ticks]
		for i := *list; i != none; {
			next := q.link[i]
			q.pushReady(i)
			q.waiting--
			i = next
		}
		*list = none
	}
}

// nextWake returns when the next path is due, if none is ready.
func (q *queue) nextWake() int64 {
	if q.waiting > 0 {
		for n := int64(1); n < ticks; n++ {
			if q.wheel[(q.now/q.tick+n)%ticks] != none {
				return q.now + n*q.tick
			}
		}
	}
	return Done
}

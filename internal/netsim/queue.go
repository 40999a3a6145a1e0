package netsim

import "math/bits"

// Queue holds packets until they are due: a timing wheel over reused buffers. The cost of Push and
// PopDue does not depend on the number of packets. It is not safe for concurrent use.
type Queue struct {
	slots []int32 // head of a slot's list, −1 if empty
	busy  []uint64
	pool  []entry
	free  [len(classes)]int32 // head of the list of free entries of a class
	limit int
	held  int
	clock int64 // ticks up to here have been popped
	drops uint64
}

// entry is a packet in flight. Lists are in order of arrival.
type entry struct {
	due  int64
	buf  []byte
	next int32
	last int32 // last of the list, valid in its head
	n    uint16
	size uint8 // index into classes
}

const (
	tickShift = 16 // a tick is 65.5 µs: the longest delay of a packet
	wheelSize = 1 << 13
)

// classes are the sizes of buffers. Most replies fit the first.
var classes = [...]int{128, 320, 640, maxBuffer}

// NewQueue makes a queue for at most limit packets. It allocates as it fills:
// 200 octets for a usual packet.
func NewQueue(limit int) *Queue {
	q := &Queue{slots: make([]int32, wheelSize), busy: make([]uint64, wheelSize/64), limit: limit}
	for i := range q.slots {
		q.slots[i] = -1
	}
	for i := range q.free {
		q.free[i] = -1
	}
	return q
}

// Len returns how many packets are in flight.
func (q *Queue) Len() int { return q.held }

// Drops returns how many packets did not fit.
func (q *Queue) Drops() uint64 { return q.drops }

// Push holds a copy of the packet until due, ns. If it is already due, it leaves with the next
// tick. It may be due more than one round of the wheel, half a second, after the last PopDue; then
// it waits for several rounds.
func (q *Queue) Push(due int64, packet []byte) {
	class := 0
	for class < len(classes) && classes[class] < len(packet) {
		class++
	}
	if q.held >= q.limit || class == len(classes) {
		q.drops++
		return
	}
	i := q.free[class]
	if i < 0 {
		i = int32(len(q.pool))
		q.pool = append(q.pool, entry{buf: make([]byte, classes[class]), size: uint8(class)})
	} else {
		q.free[class] = q.pool[i].next
	}
	e := &q.pool[i]
	e.due, e.n, e.next, e.last = due, uint16(copy(e.buf, packet)), -1, i
	q.held++
	q.append(i)
}

// append puts an entry at the end of its slot's list.
func (q *Queue) append(i int32) {
	tick := max(q.pool[i].due>>tickShift, q.clock)
	slot := tick & (wheelSize - 1)
	head := q.slots[slot]
	if head < 0 {
		q.slots[slot] = i
		q.busy[slot/64] |= 1 << (slot % 64)
		return
	}
	q.pool[q.pool[head].last].next = i
	q.pool[head].last = i
}

// PopDue calls emit for the packets that are due, in order of their ticks, and returns how many
// there were. The packet is valid during the call of emit. emit must not call the queue.
func (q *Queue) PopDue(now int64, emit func(packet []byte)) int {
	end := now >> tickShift // this tick is not over
	if end-q.clock > wheelSize {
		q.clock = end - wheelSize // one round visits every slot
	}
	popped := 0
	for q.clock < end {
		slot := q.clock & (wheelSize - 1)
		word := q.busy[slot/64] >> (slot % 64)
		if word == 0 {
			q.clock = min(end, q.clock+64-slot%64)
			continue
		}
		if skip := int64(bits.TrailingZeros64(word)); skip > 0 {
			q.clock = min(end, q.clock+skip)
			continue
		}
		q.clock++
		popped += q.popSlot(slot, emit)
	}
	return popped
}

// popSlot empties a slot whose tick is over. Packets of a later round are put back.
func (q *Queue) popSlot(slot int64, emit func([]byte)) int {
	i, popped := q.slots[slot], 0
	q.slots[slot] = -1
	q.busy[slot/64] &^= 1 << (slot % 64)
	for i >= 0 {
		e := &q.pool[i]
		next := e.next
		if e.due>>tickShift >= q.clock {
			e.next, e.last = -1, i
			q.append(i)
		} else {
			emit(e.buf[:e.n])
			e.next = q.free[e.size]
			q.free[e.size] = i
			q.held--
			popped++
		}
		i = next
	}
	return popped
}

// NextDue returns the time, ns, at which PopDue will find a packet, or false if the queue is empty.
// It may be too early if packets wait for a later round.
func (q *Queue) NextDue() (int64, bool) {
	if q.held == 0 {
		return 0, false
	}
	for off := int64(0); off < wheelSize; {
		slot := (q.clock + off) & (wheelSize - 1)
		word := q.busy[slot/64] >> (slot % 64)
		if word != 0 {
			off += int64(bits.TrailingZeros64(word))
			return (q.clock + off + 1) << tickShift, true
		}
		off += 64 - slot%64
	}
	return 0, false // unreachable while the queue holds packets
}

package watch

import "testing"

// A probe is answered or expires, once, and a cycle is over when all of its probes were.
func TestCycles(t *testing.T) {
	var c cycles
	c.init(2)
	a, b := place{cycle: 0, path: 0, ttl: 1}, place{cycle: 0, path: 1, ttl: 63}
	c.begin(0)
	c.sent(a, 100)
	c.sent(b, 200)
	if _, ok := c.end(); ok {
		t.Error("a cycle is over while it is sent")
	}
	c.allSent(0)
	if w, before := c.answer(a); before != waits || w.sent != 100 {
		t.Errorf("the first answer: %v, %+v", before, w)
	}
	if _, before := c.answer(a); before != answered {
		t.Errorf("a copy of the answer: %v", before)
	}
	if _, _, ok := c.expire(200); ok {
		t.Error("a probe expires too early")
	}
	p, sent, ok := c.expire(201)
	if !ok || p != b || sent != 200 {
		t.Errorf("expire = %+v, %d, %v", p, sent, ok)
	}
	if _, before := c.answer(b); before != expired {
		t.Errorf("a late answer: %v", before)
	}
	if _, before := c.answer(place{cycle: 0, path: 1, ttl: 2}); before != notSent {
		t.Errorf("an answer to no probe: %v", before)
	}
	if cycle, ok := c.end(); !ok || cycle != 0 {
		t.Errorf("end = %d, %v", cycle, ok)
	}
	if _, ok := c.end(); ok {
		t.Error("a cycle is over that has not begun")
	}
}

// Many cycles need no more memory than some.
func TestCyclesMemory(t *testing.T) {
	var c cycles
	c.init(1)
	for cycle := range uint32(10000) {
		c.begin(cycle)
		for ttl := uint8(1); ttl < 20; ttl++ {
			c.sent(place{cycle: cycle, ttl: ttl}, int64(cycle)*1000)
			c.answer(place{cycle: cycle, ttl: ttl})
		}
		c.allSent(cycle)
		c.expire(int64(cycle) * 1000)
		if _, ok := c.end(); !ok {
			t.Fatalf("cycle %d is not over", cycle)
		}
	}
	if cap(c.queue) > 200 {
		t.Errorf("the queue has room for %d", cap(c.queue))
	}
	if n := testing.AllocsPerRun(100, func() {
		c.begin(10000)
		c.sent(place{cycle: 10000, ttl: 1}, 1e12)
		c.answer(place{cycle: 10000, ttl: 1})
		c.expire(2e12)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

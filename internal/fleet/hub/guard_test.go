package hub

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// An observer may use the hub: no event is reported under the lock. Otherwise this test does not end.
func TestEventsOutsideTheLock(t *testing.T) {
	var h *Hub
	var seen []string
	var own sync.Mutex // the hub also reports from its own goroutines
	h = shown(t, func(text string) {
		h.mu.Lock()
		agents := len(h.agents)
		h.mu.Unlock()
		own.Lock()
		defer own.Unlock()
		if agents > 0 {
			seen = append(seen, text)
		}
	})
	hello := talk.Own("masstrace/test")
	hello.Instance, hello.Fresh, hello.SentNS = "i", true, 1
	if _, err := h.hello("paris", &talk.Hello{SentNS: 1}); err == nil {
		t.Error("an agent without a version is taken")
	}
	if _, err := h.hello("paris", &hello); err != nil {
		t.Error(err)
	}
	if _, err := h.refuse("paris", &talk.Refuse{Job: "1", Reason: "never", SentNS: 2}); err != nil {
		t.Error(err)
	}
	h.mu.Lock()
	w := h.jobs[0]
	h.mu.Unlock()
	for range 2 {
		_ = h.refusedWrite(w, errors.New("the disk is full"))
	}
	for slice := range uint32(4) {
		h.complete(w, ledger.Entry{Unit: ledger.Unit{Slice: slice}, By: "paris"})
	}
	if _, err := h.cancel("alice", &talk.JobName{Job: "1"}); err == nil || !strings.Contains(err.Error(), "done already") {
		t.Errorf("a job that is done is cancelled: %v", err)
	}
	own.Lock()
	defer own.Unlock()
	for _, want := range []string{"the hub (masstrace/test)", "paris is here", "paris refuses job monday: never", "the disk is full", "job monday is done"} {
		n := 0
		for _, text := range seen {
			if strings.HasPrefix(text, want) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%q is reported %d times: %q", want, n, seen)
		}
	}
}

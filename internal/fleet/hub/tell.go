package hub

import (
	"errors"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// askToTell asks watch to send the messages to all agents again. It does not block.
func (h *Hub) askToTell() {
	select {
	case h.retell <- struct{}{}:
	default:
	}
}

// nextSerial returns the serial number of a message to all agents. The caller holds the mutex.
func (h *Hub) nextSerial() uint64 {
	h.serial++
	return h.serial
}

// tellExclude sends the exclusion list to all agents. An agent that misses it sees from the next
// beat that there is one.
func (h *Hub) tellExclude() {
	h.mu.Lock()
	m, body := talk.Exclusion{Serial: h.nextSerial(), Exclude: h.exclude.digest}, h.exclude.text
	h.mu.Unlock()
	if len(body) > talk.Chunk {
		body = nil // agents get it in parts
	}
	h.tell(talk.ExcludeAll, &m, body)
}

// tellJobs sends to all agents which jobs have work left. An agent that misses it asks again soon.
func (h *Hub) tellJobs() {
	h.mu.Lock()
	m := talk.OpenJobs{Serial: h.nextSerial(), Open: []string{}}
	for _, w := range h.jobs {
		if !w.over() {
			m.Open = append(m.Open, w.Job.ID)
		}
	}
	h.mu.Unlock()
	h.tell(talk.JobsAll, &m, nil)
}

// tell sends a message to all agents, which the broker keeps.
func (h *Hub) tell(subject string, head any, body []byte) {
	data, err := talk.Encode(head, body)
	if err == nil {
		err = h.broker.Keep(subject, data)
	}
	if err != nil && h.ctx.Err() == nil {
		h.cfg.Event(err.Error())
	}
}

// last answers with the last message to all agents of a subject. Agents do not ask the broker for it:
// its answer would go to any subject.
func (h *Hub) last(_ string, data []byte) ([]byte, error) {
	var q talk.Last
	if _, err := talk.Decode(data, &q); err != nil {
		return nil, err
	}
	if !slices.Contains(talk.Kept(), q.Subject) {
		return nil, errors.New("the broker keeps no messages of this subject")
	}
	m, err := h.broker.Last(q.Subject)
	if err != nil {
		return nil, err
	}
	return talk.Encode(&nothing{}, m)
}

// mendEvery is how often the hub looks whether the broker has its stream.
const mendEvery = 2 * time.Second

// mend makes a stream anew that was removed from the broker, and sends its messages again. It reports
// an error once, until the stream is there again.
func (h *Hub) mend() {
	ticker := time.NewTicker(mendEvery)
	defer ticker.Stop()
	failed := false
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-ticker.C:
		}
		made, err := h.broker.Mend()
		if err != nil && !failed {
			h.cfg.Event(err.Error())
		}
		if failed = err != nil; made {
			h.askToTell()
		}
	}
}

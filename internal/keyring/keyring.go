// Package keyring authenticates answers to probes that are asked again and again: with one key, a
// (target, flow, TTL) has probe.MaxAttempts different probes, so further ones need another key.
package keyring

import (
	"sync"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// Ring authenticates answers to the probes of its latest keys. An answer to an older probe is
// unrelated. Attempt of an accepted answer is that with its key, plus probe.MaxAttempts times the
// number of the key modulo the number of keys.
//
// The sender renews the keys while a receiver reads them.
type Ring struct {
	cfg codec.Config

	mu     sync.RWMutex
	number uint32 // of the latest key
	keys   []*codec.Codec
}

// New returns a Ring of so many keys, whose key 0 is that of first. The others have the same
// configuration.
func New(first *codec.Codec, cfg codec.Config, keys int) *Ring {
	r := &Ring{cfg: cfg, keys: make([]*codec.Codec, keys)}
	r.keys[0] = first
	return r
}

// Latest returns the codec of the latest key and the number of the key. Only the sender calls it.
func (r *Ring) Latest() (c *codec.Codec, number uint32) {
	return r.keys[r.at(r.number)], r.number
}

func (r *Ring) at(number uint32) uint32 { return number % uint32(len(r.keys)) }

// AttemptOf returns Attempt of an accepted answer to a probe with the key of that number.
func (r *Ring) AttemptOf(number uint32, attempt uint8) uint8 {
	return attempt + uint8(r.at(number))*probe.MaxAttempts
}

// Renew makes a random key with a number above that of the latest one. Only the sender calls it.
func (r *Ring) Renew(number uint32) error {
	cfg := r.cfg
	cfg.Key = plan.SeedOf(plan.RandomHex(16))
	next, err := codec.New(cfg)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number, r.keys[r.at(number)] = number, next
	return nil
}

// IsLive reports whether answers to the probes of a codec are accepted.
func (r *Ring) IsLive(c *codec.Codec) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, k := range r.keys {
		if k == c {
			return true
		}
	}
	return false
}

// try calls f with each key, the latest first, until one accepts.
func (r *Ring) try(p *probe.Facts, f func(c *codec.Codec) codec.Verdict) codec.Verdict {
	r.mu.RLock()
	defer r.mu.RUnlock()
	before, worst := *p, codec.Unrelated
	for i := range uint32(len(r.keys)) {
		number := r.number + uint32(len(r.keys)) - i // its place is that of the i-th latest key
		key := r.keys[r.at(number)]
		if key == nil {
			continue
		}
		*p = before
		v := f(key)
		switch {
		case v == codec.Accepted:
			p.Attempt = r.AttemptOf(number, p.Attempt)
			return v
		case i == 0:
			worst = v
		}
	}
	return worst
}

// Quoted authenticates a quotation, as codec.Codec does.
func (r *Ring) Quoted(q *wire.Quotation, p *probe.Facts) codec.Verdict {
	return r.try(p, func(c *codec.Codec) codec.Verdict { return c.Quoted(q, p) })
}

// EchoReply authenticates an echo reply.
func (r *Ring) EchoReply(message []byte, is4 bool, p *probe.Facts) codec.Verdict {
	return r.try(p, func(c *codec.Codec) codec.Verdict { return c.EchoReply(message, is4, p) })
}

// UDPAnswer authenticates a datagram of a target.
func (r *Ring) UDPAnswer(srcPort, dstPort uint16, p *probe.Facts) codec.Verdict {
	return r.try(p, func(c *codec.Codec) codec.Verdict { return c.UDPAnswer(srcPort, dstPort, p) })
}

// TCPAnswer authenticates a segment of a target.
func (r *Ring) TCPAnswer(s *codec.Segment, p *probe.Facts) codec.Verdict {
	return r.try(p, func(c *codec.Codec) codec.Verdict { return c.TCPAnswer(s, p) })
}

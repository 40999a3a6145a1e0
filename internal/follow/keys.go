package follow

import (
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// keyring authenticates answers to the probes of the latest keys. With one key, a (target, flow, TTL)
// is asked at most four times, so that no late answer counts for a later probe. Attempt of an
// accepted answer is that of its key, and the number of the key.
type keyring struct {
	cfg codec.Config

	mu     sync.RWMutex
	number uint32
	keys   [liveKeys]*codec.Codec
	fresh  int64 // when the latest key was made
	// used counts the probes of each place with the latest key. The sender alone uses it.
	used map[place]uint8
}

// liveKeys is how many keys are valid: answers to older ones are late.
const liveKeys = 4

// place is what a probe asks.
type place struct {
	target uint32
	flow   uint16
	ttl    uint8
}

func newKeyring(first *codec.Codec, cfg codec.Config, now int64) *keyring {
	k := &keyring{cfg: cfg, fresh: now, used: map[place]uint8{}}
	k.keys[0] = first
	return k
}

// take returns the codec of the next probe to a place, the attempt that it has there, and the number
// by which its answer is known. ok is false if the place was asked too often of late.
func (k *keyring) take(p place, now int64, wait time.Duration) (c *codec.Codec, attempt, number uint8, ok bool, err error) {
	age := now - k.fresh
	if k.used[p] >= probe.MaxAttempts && age < int64(wait)/(liveKeys-1) {
		return nil, 0, 0, false, nil
	}
	if k.used[p] >= probe.MaxAttempts || age > int64(4*wait) {
		if err := k.renew(now); err != nil {
			return nil, 0, 0, false, err
		}
	}
	attempt = k.used[p]
	k.used[p]++
	at := k.number % liveKeys
	return k.keys[at], attempt, attempt + uint8(at)*probe.MaxAttempts, true, nil
}

func (k *keyring) renew(now int64) error {
	cfg := k.cfg
	cfg.Key = plan.SeedOf(plan.RandomHex(16))
	next, err := codec.New(cfg)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.number++
	k.keys[k.number%liveKeys] = next
	k.fresh = now
	clear(k.used)
	return nil
}

// try calls f with each key, the latest first, until one accepts.
func (k *keyring) try(r *probe.Facts, f func(c *codec.Codec) codec.Verdict) codec.Verdict {
	k.mu.RLock()
	defer k.mu.RUnlock()
	before, worst := *r, codec.Unrelated
	for i := range uint32(liveKeys) {
		at := (k.number - i) % liveKeys
		if k.keys[at] == nil {
			continue
		}
		*r = before
		v := f(k.keys[at])
		switch {
		case v == codec.Accepted:
			r.Attempt += uint8(at) * probe.MaxAttempts
			return v
		case i == 0:
			worst = v
		}
	}
	return worst
}

// Quoted authenticates a quotation, as codec.Codec does.
func (k *keyring) Quoted(q *wire.Quotation, r *probe.Facts) codec.Verdict {
	return k.try(r, func(c *codec.Codec) codec.Verdict { return c.Quoted(q, r) })
}

// EchoReply authenticates an echo reply.
func (k *keyring) EchoReply(message []byte, is4 bool, r *probe.Facts) codec.Verdict {
	return k.try(r, func(c *codec.Codec) codec.Verdict { return c.EchoReply(message, is4, r) })
}

// UDPAnswer authenticates a datagram of a target.
func (k *keyring) UDPAnswer(srcPort, dstPort uint16, r *probe.Facts) codec.Verdict {
	return k.try(r, func(c *codec.Codec) codec.Verdict { return c.UDPAnswer(srcPort, dstPort, r) })
}

// TCPAnswer authenticates a segment of a target.
func (k *keyring) TCPAnswer(s *codec.Segment, r *probe.Facts) codec.Verdict {
	return k.try(r, func(c *codec.Codec) codec.Verdict { return c.TCPAnswer(s, r) })
}

// has reports whether a place may be asked now.
func (k *keyring) has(p place, now int64, wait time.Duration) bool {
	return k.used[p] < probe.MaxAttempts || now-k.fresh >= int64(wait)/(liveKeys-1)
}

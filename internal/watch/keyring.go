package watch

import (
	"sync"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// keyring authenticates answers to the probes of the latest two keys. An answer to an older probe
// is unrelated. Attempt of an accepted answer is the number of its cycle modulo mostCycles.
//
// The sender renews the keys while the receiver reads them.
type keyring struct {
	cfg codec.Config

	mu    sync.RWMutex
	epoch uint32 // number of the latest key
	keys  [2]*codec.Codec
}

// newKeyring returns a keyring with the key of the first cycles.
func newKeyring(first *codec.Codec, cfg codec.Config) *keyring {
	k := &keyring{cfg: cfg}
	k.keys[0] = first
	return k
}

// codecOf returns the codec of a cycle, and the attempt that numbers it. fresh reports that the
// cycle is the first one with its key. Only the sender calls it, with ascending cycles.
func (k *keyring) codecOf(cycle uint32) (c *codec.Codec, attempt uint8, fresh bool, err error) {
	epoch := cycle / keyed
	attempt = uint8(cycle % keyed)
	if epoch != k.epoch {
		cfg := k.cfg
		cfg.Key = plan.SeedOf(plan.RandomHex(16))
		next, err := codec.New(cfg)
		if err != nil {
			return nil, 0, false, err
		}
		k.mu.Lock()
		k.epoch, k.keys[epoch%2] = epoch, next
		k.mu.Unlock()
		fresh = true
	}
	return k.keys[epoch%2], attempt, fresh || cycle == 0, nil
}

// try calls f with each key, the latest first, until one accepts.
func (k *keyring) try(r *probe.Facts, f func(c *codec.Codec) codec.Verdict) codec.Verdict {
	k.mu.RLock()
	defer k.mu.RUnlock()
	before := *r
	worst := codec.Unrelated
	for i := range uint32(2) {
		at := (k.epoch + i) % 2
		if k.keys[at] == nil {
			continue
		}
		*r = before
		v := f(k.keys[at])
		switch {
		case v == codec.Accepted:
			r.Attempt += uint8(at) * keyed
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

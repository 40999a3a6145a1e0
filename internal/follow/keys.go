package follow

import (
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/keyring"
	"github.com/masstrace/masstrace/internal/probe"
)

// keys are a keyring of which each place is asked at most probe.MaxAttempts times with one key, so that
// no late answer counts for a later probe. The number of an accepted answer is its Attempt.
type keys struct {
	*keyring.Ring
	fresh int64 // when the latest key was made
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

func newKeys(first *codec.Codec, cfg codec.Config, now int64) *keys {
	return &keys{Ring: keyring.New(first, cfg, liveKeys), fresh: now, used: map[place]uint8{}}
}

// take returns the codec of the next probe to a place, the attempt that it has there, and the number
// by which its answer is known. The keys have the place, see has.
func (k *keys) take(p place, now int64, wait time.Duration) (c *codec.Codec, attempt, number uint8, err error) {
	if _, latest := k.Latest(); k.used[p] >= probe.MaxAttempts || now-k.fresh > int64(4*wait) {
		if err := k.Renew(latest + 1); err != nil {
			return nil, 0, 0, err
		}
		k.fresh = now
		clear(k.used)
	}
	attempt = k.used[p]
	k.used[p]++
	c, latest := k.Latest()
	return c, attempt, k.AttemptOf(latest, attempt), nil
}

// has reports whether a place may be asked now: it was not asked too often of late.
func (k *keys) has(p place, now int64, wait time.Duration) bool {
	return k.used[p] < probe.MaxAttempts || now-k.fresh >= int64(wait)/(liveKeys-1)
}

package watch

import (
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/keyring"
)

// cycleKeys is a keyring of two keys, each of which lasts for keyed cycles. Attempt of an accepted
// answer is the number of its cycle modulo mostCycles.
type cycleKeys struct{ *keyring.Ring }

// newCycleKeys returns the keys, with that of the first cycles.
func newCycleKeys(first *codec.Codec, cfg codec.Config) cycleKeys {
	return cycleKeys{keyring.New(first, cfg, mostCycles/keyed)}
}

// codecOf returns the codec of a cycle, and the attempt that numbers it. fresh reports that the
// cycle is the first one with its key. Only the sender calls it, with ascending cycles.
func (k cycleKeys) codecOf(cycle uint32) (c *codec.Codec, attempt uint8, fresh bool, err error) {
	fresh = cycle == 0
	if _, number := k.Latest(); number != cycle/keyed {
		if err := k.Renew(cycle / keyed); err != nil {
			return nil, 0, false, err
		}
		fresh = true
	}
	c, _ = k.Latest()
	return c, uint8(cycle % keyed), fresh, nil
}

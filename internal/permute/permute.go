// Package permute provides keyed bijections on [0, n) and their inverses, without a table: a
// near-balanced Feistel network with cycle walking. They shuffle sequences that would otherwise be
// processed in order (targets, the probes of a window, the hosts of a prefix). The inverse maps a
// reply back to its place.
//
// The permutations spread well and cost some nanoseconds. They are not ciphers: no secret may
// depend on them.
package permute

// Permutation is a keyed bijection on [0, n), n up to 2⁶⁴−1. It is a plain value of some 130
// octets without pointers, cheap to make. Its methods do not change it, so goroutines may share
// it. The zero Permutation is that of n = 0.
type Permutation struct {
	keys roundKeys
	below
}

// New returns the permutation of [0, n) that belongs to key. With n = 0 there is no valid argument
// to At; with n = 1 it is the identity.
func New(key Key, n uint64) (p Permutation) {
	if n == 0 {
		return p
	}
	p.keys.fill(key)
	p.below = newBelow(n)
	return p
}

// Len returns n.
func (p *Permutation) Len() uint64 { return p.n }

// At returns the place of i. It panics if i is not below n.
func (p *Permutation) At(i uint64) uint64 { return p.at(&p.keys, 0, i) }

// Inverse returns the i whose place is j. It panics if j is not below n.
func (p *Permutation) Inverse(j uint64) uint64 { return p.inverse(&p.keys, 0, j) }

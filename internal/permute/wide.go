package permute

// Wide is a Permutation of up to 2¹²⁸−1 values: the hosts of an IPv6 prefix.
// For an n that fits in 64 bits it is the same bijection as New's, and takes
// one or two nanoseconds more. The zero Wide is that of n = 0.
type Wide struct {
	keys  *roundKeys
	tweak uint64
	f     feistel
	n     Uint128
}

// NewWide returns the permutation of [0, n) that belongs to key. It allocates the
// round keys, which those of a Family share.
func NewWide(key Key, n Uint128) Wide {
	keys := new(roundKeys)
	keys.fill(key)
	return newWide(keys, 0, n)
}

func newWide(keys *roundKeys, tweak uint64, n Uint128) Wide {
	if n == (Uint128{}) {
		return Wide{}
	}
	p := Wide{keys: keys, tweak: tweak}
	p.fit(n)
	return p
}

// fit sets the domain to [0, n), n not 0.
func (p *Wide) fit(n Uint128) {
	// As in New. With at most 128 bits neither half has more than 64.
	last := n.Sub(Uint128{Lo: 1})
	k := uint(last.Len()) / 2
	p.n = n
	p.f.halves(last.Rsh(k).Lo, k)
}

// Len returns n.
func (p *Wide) Len() Uint128 { return p.n }

// At returns the place of i. It panics if i is not below n.
func (p *Wide) At(i Uint128) Uint128 {
	if !i.Less(p.n) {
		panic("permute: argument is not below n")
	}
	for {
		if i = p.join(p.forward(p.split(i))); i.Less(p.n) {
			return i
		}
	}
}

// Inverse returns the i whose place is j. It panics if j is not below n.
func (p *Wide) Inverse(j Uint128) Uint128 {
	if !j.Less(p.n) {
		panic("permute: argument is not below n")
	}
	for {
		if j = p.join(p.backward(p.split(j))); j.Less(p.n) {
			return j
		}
	}
}

func (p *Wide) forward(l, r uint64) (uint64, uint64) { return p.f.forward(p.keys, p.tweak, l, r) }

func (p *Wide) backward(l, r uint64) (uint64, uint64) { return p.f.backward(p.keys, p.tweak, l, r) }

func (p *Wide) split(v Uint128) (l, r uint64) {
	return v.Rsh(uint(p.f.shift)).Lo, v.Lo & p.f.mask
}

func (p *Wide) join(l, r uint64) Uint128 {
	v := Uint128{Lo: l}.Lsh(uint(p.f.shift))
	return Uint128{Hi: v.Hi, Lo: v.Lo | r}
}

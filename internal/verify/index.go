package verify

// index finds the number of an entry of a list by the hash of its key. The list holds the keys, so
// that the index takes 4 to 8 octets for each entry, twice that while it grows. The zero index
// is empty.
type index struct {
	slots []uint32 // numbers plus one; 0: free
	n     int      // numbers in slots
}

// find returns the number with a hash for which is returns true.
func (x *index) find(hash uint64, is func(i uint32) bool) (i uint32, ok bool) {
	if x.n == 0 {
		return none, false
	}
	mask := uint64(len(x.slots) - 1)
	for at := hash & mask; x.slots[at] != 0; at = (at + 1) & mask {
		if i := x.slots[at] - 1; is(i) {
			return i, true
		}
	}
	return none, false
}

// add adds a number with a hash. of returns the hashes of the numbers that were added before.
func (x *index) add(hash uint64, i uint32, of func(i uint32) uint64) {
	if x.n >= len(x.slots)/4*3 {
		old := x.slots
		x.slots = make([]uint32, max(64, 2*len(old)))
		for _, slot := range old {
			if slot != 0 {
				x.put(of(slot-1), slot)
			}
		}
	}
	x.put(hash, i+1)
	x.n++
}

// put writes a slot to the first free place from that of its hash on.
func (x *index) put(hash uint64, slot uint32) {
	mask := uint64(len(x.slots) - 1)
	at := hash & mask
	for x.slots[at] != 0 {
		at = (at + 1) & mask
	}
	x.slots[at] = slot
}

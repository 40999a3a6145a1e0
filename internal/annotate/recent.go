package annotate

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// answer is the annotation of some addresses.
type answer struct {
	note *record.Annotation // nil if no database has the address
	part uint32             // the same for all answers of one part of an AS path; 0 is unknown
}

// Limits of the memory for answers: 170 MB in all. A full table is emptied. So each address costs at
// most one look-up for as many other addresses.
const (
	leastSlots  = 1 << 12
	mostSlots   = 1 << 20
	most6       = 1 << 18
	mostAnswers = 1 << 19 // distinct ones
)

// leastSame is the length of the shortest prefix that an answer is remembered for at once: the memory
// for one address is that of such a prefix.
const leastSame = 16

// blocks has the answers for the /24s of a prefix of leastSame bits, as number + 1; 0 is not known.
type blocks [1 << (block - leastSame)]uint32

// divided is the answer for a /24 whose addresses have several answers.
const divided = ^uint32(0)

// recent remembers the numbers of the answers for addresses. Most IPv4 addresses share one with
// their neighbors, since databases have prefixes: a look-up is for all of them. For others, a slot
// has 8 octets. The look-ups of a trace wait for memory together. The zero value is empty.
type recent struct {
	blocks []*blocks // by the first bits of IPv4 addresses
	slots  []uint64  // address<<32 | number + 1; 0 is free
	used   int
	odd    uint64 // a secret of the hash: strangers choose the addresses
	shift  uint
	by6    map[probe.Addr]uint32
	answer []answer // by number
}

// number returns the number of the answer for an address; ok is false if it is not remembered.
func (r *recent) number(a *probe.Addr) (n uint32, ok bool) {
	if !a.Is4() {
		n, ok = r.by6[*a]
		return n, ok
	}
	key := binary.BigEndian.Uint32(a[12:])
	if len(r.blocks) == 0 {
		return 0, false
	}
	list := r.blocks[key>>(32-leastSame)]
	if list == nil {
		return 0, false
	}
	n = list[key>>(32-block)%uint32(len(list))]
	if n == divided {
		return r.slot(key)
	}
	return n - 1, n != 0
}

// slot is number for an address in a /24 with several answers.
func (r *recent) slot(key uint32) (n uint32, ok bool) {
	if r.used == 0 {
		return 0, false
	}
	mask := uint64(len(r.slots) - 1)
	for i := r.home(key); ; i = (i + 1) & mask {
		slot := r.slots[i]
		if slot>>32 == uint64(key) && slot != 0 && uint32(slot) != 0 {
			return uint32(slot) - 1, true
		}
		if slot == 0 {
			return 0, false
		}
	}
}

// home returns the first slot of an address.
func (r *recent) home(key uint32) uint64 { return uint64(key) * r.odd >> r.shift }

// put remembers the number of an answer. Addresses with as many first bits as same have it, too.
func (r *recent) put(a *probe.Addr, n uint32, same int) {
	if !a.Is4() {
		if r.by6 == nil || len(r.by6) >= most6 {
			r.by6 = map[probe.Addr]uint32{}
		}
		r.by6[*a] = n
		return
	}
	key := binary.BigEndian.Uint32(a[12:])
	r.fill(key, n, same)
	if same <= block {
		return
	}
	if 2*r.used >= len(r.slots) {
		r.grow()
	}
	r.insert(uint64(key)<<32 | uint64(n+1))
}

// fill remembers the answer for the /24s of a prefix, or that those of one are not the same.
func (r *recent) fill(key, n uint32, same int) {
	if r.blocks == nil {
		r.blocks = make([]*blocks, 1<<leastSame)
	}
	list := &r.blocks[key>>(32-leastSame)]
	if *list == nil {
		*list = new(blocks)
	}
	of := n + 1
	if same > block {
		of, same = divided, block
	}
	count := uint32(1) << (block - max(same, leastSame))
	first := key >> (32 - block) % uint32(len(*list)) &^ (count - 1)
	for i := range count {
		(*list)[first+i] = of
	}
}

func (r *recent) insert(slot uint64) {
	mask := uint64(len(r.slots) - 1)
	i := r.home(uint32(slot >> 32))
	for r.slots[i] != 0 {
		i = (i + 1) & mask
	}
	r.slots[i] = slot
	r.used++
}

// grow makes room: it doubles the slots, or empties them if they are many.
func (r *recent) grow() {
	old := r.slots
	r.used = 0
	if len(old) >= mostSlots {
		clear(r.slots)
		return
	}
	r.slots = make([]uint64, max(2*len(old), leastSlots))
	r.odd, r.shift = rand.Uint64()|1, uint(64-bits.Len(uint(len(r.slots)-1)))
	for _, slot := range old {
		if slot != 0 {
			r.insert(slot)
		}
	}
}

// forget drops everything, also the answers.
func (r *recent) forget() { *r = recent{} }

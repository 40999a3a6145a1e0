package parquet

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

var errRuns = errors.New("the page ends before its values")

// runs reads numbers in the hybrid encoding of Parquet, of runs and packed bits:
//
//	count<<1   value in whole octets
//	n<<1 | 1   8·n values of width bits each, from the lowest bit on
//
// It reads them one by one, so that a run costs no memory however long it claims to be.
type runs struct {
	b     []byte
	width uint   // bits of a number, up to 32
	same  uint32 // numbers left of a run
	value uint32 // of the run
	bits  uint   // numbers left that are packed
	at    uint   // bit in b of the next packed one
}

// next returns the next number; ok is false if there is none.
func (r *runs) next() (v uint32, ok bool) {
	if r.same > 0 {
		r.same--
		return r.value, true
	}
	if r.bits > 0 {
		r.bits--
		return r.unpack()
	}
	if !r.start() {
		return 0, false
	}
	return r.next()
}

// skip passes over n numbers.
func (r *runs) skip(n int64) bool {
	for n > 0 {
		if r.same == 0 && r.bits == 0 && !r.start() {
			return false
		}
		if step := min(n, int64(r.same)); step > 0 {
			r.same -= uint32(step)
			n -= step
			continue
		}
		step := min(n, int64(r.bits))
		r.bits -= uint(step)
		r.at += uint(step) * r.width
		n -= step
	}
	return true
}

// unpack returns the next packed number.
func (r *runs) unpack() (v uint32, ok bool) {
	octet, shift := int(r.at>>3), r.at&7
	if octet+8 <= len(r.b) {
		r.at += r.width
		return uint32(binary.LittleEndian.Uint64(r.b[octet:]) >> shift & (1<<r.width - 1)), true
	}
	if r.at+r.width > 8*uint(len(r.b)) {
		return 0, false
	}
	var room [8]byte
	copy(room[:], r.b[octet:])
	r.at += r.width
	return uint32(binary.LittleEndian.Uint64(room[:]) >> shift & (1<<r.width - 1)), true
}

// start reads the head of the next run that has a number.
func (r *runs) start() bool {
	if r.at > 0 { // after packed ones
		r.b = r.b[min((r.at+7)>>3, uint(len(r.b))):]
		r.at = 0
	}
	for len(r.b) > 0 {
		head, n := binary.Uvarint(r.b)
		if n <= 0 || head>>1 > mostValues {
			return false
		}
		r.b = r.b[n:]
		if head&1 != 0 {
			if r.bits = uint(head>>1) * 8; r.bits > 0 {
				r.at = 0
				return true
			}
			continue
		}
		octets := int(r.width+7) / 8
		if octets > len(r.b) {
			return false
		}
		var value uint32
		for i := range octets {
			value |= uint32(r.b[i]) << (8 * i)
		}
		r.b = r.b[octets:]
		if r.same, r.value = uint32(head>>1), value; r.same > 0 {
			return true
		}
	}
	return false
}

// levelWidth returns the bits of a level up to most.
func levelWidth(most int) uint { return uint(bits.Len(uint(most))) }

package netsim

import "math/bits"

// mix hashes two words into one: both halves of a 128-bit product. Each caller adds its own
// constant to a, so that hashes for different purposes are independent.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xd1b54a32d192ed03)
	x := hi ^ lo
	return x ^ x>>29
}

// share is a probability in units of 2⁻³².
type share uint64

func shareOf(p float64) share { return share(p * (1 << 32)) }

// hit reports whether the lower half of the hash h falls into the share.
func (s share) hit(h uint64) bool { return h&0xffffffff < uint64(s) }

// pick maps the upper half of h evenly onto [0, n).
func pick(h uint64, n int) int { return int(h >> 32 * uint64(n) >> 32) }

// uniform maps h evenly onto [0, n), n at most 2⁶³.
func uniform(h uint64, n int64) int64 {
	hi, _ := bits.Mul64(h, uint64(n))
	return int64(hi)
}

// Constants for the purposes of a hash, so that two draws from one word are independent.
const (
	saltSegment uint64 = 0xa5a5_0000_0000_0000 + iota<<32
	saltBranches
	saltBalancer
	saltDelay
	saltNode
	saltReply
	saltQuote
	saltLabel
	saltPrefix
	saltFirewall
	saltBox
	saltHost
	saltPort
	saltFlow
	saltMore
	saltPacket
	saltLoss
	saltJitter
	saltNoise
	saltNAT
	saltTCP
	saltLimit
	saltTraits
	saltName
	saltAttack
	saltLiar
	saltImposter
	saltViaTarget
	saltFields
	saltWeights
	saltFabric
	saltRemap
	saltReroute
	saltEntry
	saltFlood
	saltFilter
)

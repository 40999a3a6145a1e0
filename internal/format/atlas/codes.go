package atlas

import "strconv"

// Types of ICMP messages (RFC 792, RFC 4443).
const (
	type4EchoReply, type6EchoReply       = 0, 129
	type4Unreachable, type6Unreachable   = 3, 1
	type4TimeExceeded, type6TimeExceeded = 11, 3
	type6TooBig                          = 2

	code4Port, code6Port = 3, 4
	code4FragNeeded      = 4
)

// letters are the letters of the codes of unreachable messages. A port unreachable is an answer,
// and has none; some older firmware has p.
var letters = [...]map[uint8]string{
	{0: "N", 1: "H", 2: "P", 13: "A"}, // IPv4
	{0: "N", 1: "A", 2: "h", 3: "H"},  // IPv6
}

func family(is4 bool) int {
	if is4 {
		return 0
	}
	return 1
}

// number returns the code that c stands for.
func (c code) number(is4 bool) (uint8, bool) {
	for n, letter := range letters[family(is4)] {
		if string(c) == letter {
			return n, true
		}
	}
	if c == "p" {
		return [...]uint8{code4Port, code6Port}[family(is4)], true
	}
	n, err := strconv.ParseUint(string(c), 10, 8)
	return uint8(n), err == nil
}

// appendCode appends the field of an unreachable message of that code, nothing if it has none.
func appendCode(b []byte, n uint8, is4 bool) []byte {
	if n == code4Port && is4 || n == code6Port && !is4 || n == code4FragNeeded && is4 {
		return b
	}
	b = append(b, `,"err":`...)
	if letter, ok := letters[family(is4)][n]; ok {
		return append(append(append(b, '"'), letter...), '"')
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

// flagNames are the TCP flags in the order of their bits.
const flagNames = "FSRPAU"

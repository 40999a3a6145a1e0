package jsonscan

import (
	"bytes"
	"net/netip"
)

// Addr reads an address into a, as netip.Addr's UnmarshalText does. It leaves a as it is for null,
// and fails for an address with a zone.
func (s *Scanner) Addr(a *netip.Addr) {
	if s.next() != '"' {
		if !s.Null() {
			s.Fail()
		}
		return
	}
	// parse4 and parse6 take no octet that is special in a string.
	start := s.at + 1
	n := bytes.IndexByte(s.text[start:min(start+longestAddr, len(s.text))], '"')
	if n < 0 {
		s.Fail()
		return
	}
	text := s.text[start : start+n]
	s.at = start + n + 1
	if len(text) == 0 {
		*a = netip.Addr{}
	} else if four, ok := parse4(text); ok {
		*a = netip.AddrFrom4(four)
	} else if sixteen, ok := parse6(text); ok {
		*a = netip.AddrFrom16(sixteen)
	} else {
		s.Fail()
	}
}

// longestAddr is more than the octets of any address without a zone, with a quote.
const longestAddr = 64

// parse4 returns the IPv4 address a.b.c.d in text.
func parse4(text []byte) (a [4]byte, ok bool) {
	octet, v, n := 0, uint(0), 0
	for _, c := range text {
		switch d := uint(c - '0'); {
		case d <= 9 && n > 0 && v == 0, d <= 9 && n == 3: // 0 before a digit; too many digits
			return a, false
		case d <= 9:
			v, n = v*10+d, n+1
		case c != '.' || n == 0 || octet == 3 || v > 255:
			return a, false
		default:
			a[octet] = byte(v)
			octet, v, n = octet+1, 0, 0
		}
	}
	if octet != 3 || n == 0 || v > 255 {
		return a, false
	}
	a[3] = byte(v)
	return a, true
}

// parse6 returns the IPv6 address in text (RFC 4291 §2.2), without a zone.
func parse6(text []byte) (a [16]byte, ok bool) {
	at, gap := 0, -1 // octets that are there, and at which of them :: is
	if len(text) >= 2 && text[0] == ':' && text[1] == ':' {
		gap, text = 0, text[2:]
	}
	for len(text) > 0 {
		v, n := group(text)
		switch {
		case n == 0 || at == len(a):
			return a, false
		case n < len(text) && text[n] == '.': // the last octets as a.b.c.d
			four, ok := parse4(text)
			if !ok || at > len(a)-len(four) {
				return a, false
			}
			copy(a[at:], four[:])
			return spread(a, at+len(four), gap)
		}
		a[at], a[at+1] = byte(v>>8), byte(v)
		at, text = at+2, text[n:]
		if len(text) == 0 {
			break
		}
		if text[0] != ':' || len(text) == 1 {
			return a, false
		}
		if text = text[1:]; text[0] == ':' {
			if gap >= 0 {
				return a, false
			}
			gap, text = at, text[1:]
		}
	}
	return spread(a, at, gap)
}

// group returns the group of hexadecimal digits that text begins with, and their number, 0 if
// they are too many.
func group(text []byte) (v uint, n int) {
	for n < len(text) && isHex(text[n]) {
		if n == 4 {
			return 0, 0
		}
		c := uint(text[n])
		// A letter has bit 6, and is 9 less than its value in the low four bits.
		v = v<<4 | (c&15 + c>>6*9)
		n++
	}
	return v, n
}

// spread moves the octets after the gap of an address with n octets to its end.
func spread(a [16]byte, n, gap int) (_ [16]byte, ok bool) {
	switch {
	case gap < 0:
		return a, n == len(a)
	case n == len(a):
		return a, false // :: stands for one group or more
	}
	moved := a
	clear(moved[gap:])
	copy(moved[len(a)-(n-gap):], a[gap:n])
	return moved, true
}

package ndjson

import (
	"strconv"
	"time"

	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/probe"
)

// appendKey appends `,"key":`. It is inlined, so that a constant key is copied in
// registers.
func appendKey(b []byte, key string) []byte {
	return append(append(append(b, `,"`...), key...), `":`...)
}

// appendInt appends a key and an integer.
func appendInt(b []byte, key string, v int64) []byte {
	return appendNumber(appendKey(b, key), v)
}

// appendNumber appends an integer. If the profile of the compiler had it inlined into appendInt,
// that could not be inlined any more where it is not hot.
//
//go:noinline
func appendNumber(b []byte, v int64) []byte {
	if v < 0 {
		return appendDecimal(append(b, '-'), -uint64(v))
	}
	return appendDecimal(b, uint64(v))
}

// thousand has the digits of 0 to 999, the first one in the lowest octet, and their number
// in the highest octet. padded has three digits of each.
var thousand, padded = func() (short, long [1000]uint32) {
	for v := range uint32(1000) {
		digits := '0' + v/100 | ('0'+v/10%10)<<8 | ('0'+v%10)<<16
		long[v] = digits | 3<<24
		switch {
		case v < 10:
			short[v] = digits>>16 | 1<<24
		case v < 100:
			short[v] = digits>>8 | 2<<24
		default:
			short[v] = long[v]
		}
	}
	return short, long
}()

// appendDigits appends an entry of these tables: all of it, which is one store,
// and then less.
func appendDigits(b []byte, digits uint32) []byte {
	b = append(b, byte(digits), byte(digits>>8), byte(digits>>16), byte(digits>>24))
	return b[:len(b)-4+int(digits>>24)]
}

// appendDecimal appends v, as strconv.AppendUint does, in half the time: most
// of a record is small numbers.
func appendDecimal(b []byte, v uint64) []byte {
	if v < 1000 {
		return appendDigits(b, thousand[v])
	}
	return appendDigits(appendDecimal(b, v/1000), padded[v%1000])
}

// appendBool appends a key and true or false.
func appendBool(b []byte, key string, v bool) []byte {
	return strconv.AppendBool(appendKey(b, key), v)
}

// appendName appends a key and a word that needs no escaping.
func appendName(b []byte, key, word string) []byte {
	b = append(appendKey(b, key), '"')
	b = append(b, word...)
	return append(b, '"')
}

// appendAddr appends a key and an address, an IPv4 one as a.b.c.d. It is
// written as null if there is none, so that the line stays JSON.
func appendAddr(b []byte, key string, a probe.Addr) []byte {
	b = appendKey(b, key)
	if a.IsZero() {
		return append(b, "null"...)
	}
	return append(appendOctets(append(b, '"'), a), '"')
}

// appendOctets appends an address that is one.
func appendOctets(b []byte, a probe.Addr) []byte {
	if !a.Is4() {
		return a.Netip().AppendTo(b)
	}
	b = appendDecimal(b, uint64(a[12]))
	b = appendDecimal(append(b, '.'), uint64(a[13]))
	b = appendDecimal(append(b, '.'), uint64(a[14]))
	return appendDecimal(append(b, '.'), uint64(a[15]))
}

// mappedPrefix begins the text of an IPv4-mapped address.
const mappedPrefix = "::ffff:"

// appendResponder appends the source of a reply to a probe for target. That of an IPv6 reply may be
// an IPv4-mapped address (see probe.Facts.Source).
func appendResponder(b []byte, target, a probe.Addr) []byte {
	if a.Is4() && target.Is6() {
		b = append(b, mappedPrefix...)
	}
	return appendOctets(b, a)
}

// appendResponderKey is appendAddr for the source of a reply to a probe for target.
func appendResponderKey(b []byte, key string, target, a probe.Addr) []byte {
	if a.IsZero() {
		return appendAddr(b, key, a)
	}
	return append(appendResponder(append(appendKey(b, key), '"'), target, a), '"')
}

const hexDigits = "0123456789abcdef"

// appendHex appends a key and octets as hexadecimal digits.
func appendHex(b []byte, key string, octets []byte) []byte {
	b = append(appendKey(b, key), '"')
	for _, c := range octets {
		b = append(b, hexDigits[c>>4], hexDigits[c&15])
	}
	return append(b, '"')
}

// appendHash appends a key and a 64-bit hash as 16 hexadecimal digits: as a
// number it would not be exact where numbers are doubles.
func appendHash(b []byte, key string, v uint64) []byte {
	b = append(appendKey(b, key), '"')
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[v>>shift&15])
	}
	return append(b, '"')
}

// appendMillis appends a key and ns in ms with 3 decimals, cut, not rounded, as
// scamper does. It has no exponent and is not negative.
func appendMillis(b []byte, key string, ns int64) []byte {
	us := uint64(max(ns, 0)) / uint64(time.Microsecond)
	b = appendDecimal(appendKey(b, key), us/1000)
	return appendDigits(append(b, '.'), padded[us%1000])
}

// appendString appends octets as a JSON string that is safe to show.
func appendString[T string | []byte](b []byte, s T) []byte { return plaintext.AppendJSON(b, s) }

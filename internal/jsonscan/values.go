package jsonscan

import (
	"math"
	"strconv"
)

// mostDigits is how many digits of a number a Scanner takes. They fit into an int64.
const mostDigits = 18

// digits reads the digits that come next, without a sign and without white space.
func (s *Scanner) digits() (v uint64, n int) {
	text, i := s.text, s.at
	for i < len(text) {
		d := text[i] - '0'
		if d > 9 {
			break
		}
		v = v*10 + uint64(d)
		i++
	}
	n = i - s.at
	s.at = i
	return v, n
}

// natural reads digits that may begin a JSON number: without a superfluous 0.
func (s *Scanner) natural() (v uint64, n int) {
	start := s.at
	v, n = s.digits()
	if n == 0 || n > mostDigits || n > 1 && s.text[start] == '0' {
		s.Fail()
		return 0, 0
	}
	return v, n
}

// short is how many digits most numbers have at most.
const short = 9

// Uint reads a number from 0 to most.
func (s *Scanner) Uint(most uint64) uint64 {
	c := s.next()
	text, i := s.text, s.at+1
	v := uint64(c - '0')
	// The usual number begins with 1 to 9, and is short.
	if v-1 > 8 {
		return s.anyUint(most)
	}
	for i < len(text) {
		d := text[i] - '0'
		if d > 9 {
			break
		}
		v = v*10 + uint64(d)
		i++
	}
	if i-s.at > short || v > most {
		return s.anyUint(most)
	}
	s.at = i
	return v
}

// anyUint is Uint of a number of any length that may be 0.
func (s *Scanner) anyUint(most uint64) uint64 {
	v, _ := s.natural()
	if v > most {
		s.Fail()
		return 0
	}
	return v
}

// Int reads a whole number.
func (s *Scanner) Int() int64 { return s.signed(math.MaxInt64) }

// Small is Int for numbers that fit into an int.
func (s *Scanner) Small() int { return int(s.signed(math.MaxInt)) }

// signed reads a whole number from -most to most.
func (s *Scanner) signed(most uint64) int64 {
	if s.next() != '-' {
		return int64(s.Uint(most))
	}
	s.at++
	return -int64(s.anyUint(most))
}

// exact is how many decimal digits a float64 always holds exactly. The powers are exact, too. So a
// division rounds once, as a parser has to.
const exact = 15

var powers = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// Float reads any number. One with few digits and without an exponent is the fastest.
func (s *Scanner) Float() float64 {
	negative := s.next() == '-'
	start := s.at
	if negative {
		s.at++
	}
	whole, n := s.digits()
	if n == 0 || n > exact || n > 1 && s.text[s.at-n] == '0' {
		return s.anyFloat(start)
	}
	v := float64(whole)
	if s.at < len(s.text) && s.text[s.at] == '.' {
		s.at++
		part, places := s.digits()
		if places == 0 || n+places > exact {
			return s.anyFloat(start)
		}
		v = (v*powers[places] + float64(part)) / powers[places]
	}
	if s.at < len(s.text) && s.text[s.at]|0x20 == 'e' {
		return s.anyFloat(start)
	}
	if negative {
		return math.Copysign(v, -1)
	}
	return v
}

// anyFloat is Float of the number that begins at start.
func (s *Scanner) anyFloat(start int) float64 {
	s.at = start
	s.number()
	if s.failed {
		return 0
	}
	v, err := strconv.ParseFloat(string(s.text[start:s.at]), 64)
	if err != nil { // it is too large
		s.Fail()
	}
	return v
}

// Bool reads true or false.
func (s *Scanner) Bool() bool {
	if s.next() == 't' {
		s.word("true")
		return !s.failed
	}
	s.word("false")
	return false
}

// word passes over a word, which must come next.
func (s *Scanner) word(w string) {
	if len(s.text)-s.at < len(w) || string(s.text[s.at:s.at+len(w)]) != w {
		s.Fail()
		return
	}
	s.at += len(w)
}

// Null reports whether null comes next, and passes over it.
func (s *Scanner) Null() bool {
	if s.next() != 'n' {
		return false
	}
	s.word("null")
	return !s.failed
}

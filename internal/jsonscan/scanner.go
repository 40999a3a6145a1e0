// Package jsonscan reads plain JSON texts without reflection and without allocations.
//
// A Scanner takes less than encoding/json: no null for most types, no exponents, no numbers of more
// than 18 digits. It never takes more, and all values that it takes are those of encoding/json. A
// caller reads a text with a Scanner first. If the Scanner fails, the caller reads the same text
// with encoding/json, which returns the values or a good error.
//
//	for s.Open('{'); s.More('}'); {
//		switch key := s.Key(); string(key) {
//		case "ttl":
//			l.TTL = uint8(s.Uint(math.MaxUint8))
//		default:
//			s.Unknown(key)
//		}
//	}
//	ok := s.End()
package jsonscan

import (
	"bytes"
	"encoding/binary"
)

// Scanner reads one text after the other. After a failure all methods do nothing and return zero
// values, and loops over More end. A Scanner is used by one goroutine at a time; its zero value
// has no text.
type Scanner struct {
	text   []byte
	at     int
	key    int  // where the quote before the last key is, or the octet before
	first  bool // the next element of the open object or list is its first
	failed bool
	names  [1 << pairBits][2]string
}

// Reset begins a text. The Scanner keeps it until the next Reset.
func (s *Scanner) Reset(text []byte) {
	s.text, s.at, s.key, s.first, s.failed = text, 0, 0, false, false
}

// Fail makes the text one that the Scanner does not take.
func (s *Scanner) Fail() { s.failed, s.at = true, len(s.text) }

// OK reports whether the Scanner took the text so far.
func (s *Scanner) OK() bool { return !s.failed }

// End reports whether the Scanner took the whole text.
func (s *Scanner) End() bool {
	s.space()
	return !s.failed && s.at == len(s.text)
}

// next returns the next octet that is not white space, without using it up; 0 at the end.
func (s *Scanner) next() byte {
	if s.at < len(s.text) && s.text[s.at] > ' ' {
		return s.text[s.at]
	}
	return s.afterSpace()
}

// afterSpace is next where white space may come first. It is rare, and a call keeps next small.
//
//go:noinline
func (s *Scanner) afterSpace() byte {
	s.space()
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// space passes over white space.
func (s *Scanner) space() {
	for s.at < len(s.text) && s.text[s.at] <= ' ' {
		if c := s.text[s.at]; c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return
		}
		s.at++
	}
}

// token passes over c, which must come next.
func (s *Scanner) token(c byte) {
	if s.next() == c {
		s.at++
	} else {
		s.Fail()
	}
}

// Open begins an object or a list, whose first octet is c: { or [.
func (s *Scanner) Open(c byte) {
	s.token(c)
	s.first = true
}

// More reports whether another element follows. If not, it passes over c, the end of the object or
// of the list: } or ].
func (s *Scanner) More(c byte) bool {
	got := s.next()
	switch {
	case s.failed:
		return false
	case got == c:
		// After a comma an element must follow. It is then read and fails, as c begins none.
		s.at++
		s.first = false
		return false
	case s.first:
		s.first = false
		return true
	case got == ',':
		s.at++
		return true
	}
	s.Fail()
	return false
}

// Peek returns the octet with which the next value begins, without using it up; 0 at the end.
func (s *Scanner) Peek() byte { return s.next() }

// Key returns the key of the next field, as it is in the text, and passes over the colon. A key
// with escapes is cut, and Unknown fails for it.
func (s *Scanner) Key() []byte {
	s.token('"')
	text, start := s.text, s.at
	end := start
	for end+8 <= len(text) {
		if found := equal(binary.LittleEndian.Uint64(text[end:]), '"'); found != 0 {
			end += first(found)
			break
		}
		end += 8
	}
	for end < len(text) && text[end] != '"' {
		end++
	}
	if end+1 >= len(text) {
		s.Fail()
		return nil
	}
	s.key, s.at = start-1, end+1
	s.token(':')
	return text[start:end]
}

// Is reports whether the text continues with field, and passes over it. A field is a key with its
// quotes and its colon, and with a comma before it unless it is the first one after Open. Where the
// next key is likely, Is takes the place of More and Key.
func (s *Scanner) Is(field string) bool {
	end := s.at + len(field)
	if end > len(s.text) || string(s.text[s.at:end]) != field {
		return false
	}
	s.key, s.at, s.first = s.at, end, false
	return true
}

// LastKey returns the key that Key or Is passed over last, also after a failure. It returns nil if
// there is none.
func (s *Scanner) LastKey() []byte {
	if s.key == 0 {
		return nil
	}
	key, _, _ := bytes.Cut(bytes.TrimLeft(s.text[s.key:], `,"`), []byte{'"'})
	return key
}

// Unknown passes over the value of a key without a meaning. encoding/json matches keys without
// regard to case: Unknown fails for a key that may be a known one there.
func (s *Scanner) Unknown(key []byte) {
	for _, c := range key {
		if c < ' ' || c == '\\' || c >= 0x7f || 'A' <= c && c <= 'Z' {
			s.Fail()
			return
		}
	}
	s.Skip()
}

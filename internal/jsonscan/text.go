package jsonscan

import (
	"encoding/binary"
	"encoding/json"
	"unicode/utf8"
)

// kinds of octets in a string.
const (
	ordinary = iota
	quote
	backslash
	foreign // not ASCII
	control // must not be there
)

// kinds has the kind of each octet.
var kinds = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c == '"':
			t[c] = quote
		case c == '\\':
			t[c] = backslash
		case c < ' ':
			t[c] = control
		case c >= utf8.RuneSelf:
			t[c] = foreign
		}
	}
	return t
}()

// literal passes over a string and returns it with its quotes. It is plain if it has ASCII
// characters and no escapes.
func (s *Scanner) literal() (text []byte, plain bool) {
	s.token('"')
	start, plain := s.at-1, true
	for !s.failed && s.at < len(s.text) {
		for s.at+8 <= len(s.text) {
			found := special(binary.LittleEndian.Uint64(s.text[s.at:]))
			if found != 0 {
				s.at += first(found)
				break
			}
			s.at += 8
		}
		if s.at == len(s.text) {
			break
		}
		c := s.text[s.at]
		s.at++
		switch kinds[c] {
		case ordinary:
		case quote:
			return s.text[start:s.at], plain
		case backslash:
			plain = false
			s.escape()
		case foreign:
			plain = false
		default:
			s.Fail()
		}
	}
	s.Fail()
	return nil, false
}

// escape passes over the rest of an escape, after its backslash.
func (s *Scanner) escape() {
	if s.at >= len(s.text) {
		s.Fail()
		return
	}
	c := s.text[s.at]
	s.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
	case 'u':
		for range 4 {
			if s.at >= len(s.text) || !isHex(s.text[s.at]) {
				s.Fail()
				return
			}
			s.at++
		}
	default:
		s.Fail()
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// Literal passes over a string and returns it as it is in the text, with its quotes. It is valid
// as long as the text.
func (s *Scanner) Literal() []byte {
	text, _ := s.literal()
	return text
}

// Plain reads a string of ASCII characters without escapes. It is valid as long as the text.
func (s *Scanner) Plain() []byte {
	text, plain := s.literal()
	if !plain {
		s.Fail()
		return nil
	}
	return text[1 : len(text)-1]
}

// Text reads any string. It returns the same string for the same few texts, so that names that
// come again and again are allocated once.
func (s *Scanner) Text() string {
	text, plain := s.literal()
	if plain {
		return s.name(text[1 : len(text)-1])
	}
	if s.failed {
		return ""
	}
	var v string
	if json.Unmarshal(text, &v) != nil {
		s.Fail()
	}
	return v
}

// Limits of the memory for names.
const (
	pairBits = 6
	longest  = 64 // octets of a name
)

// name returns b as a string.
func (s *Scanner) name(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > longest {
		return string(b)
	}
	// A name has two places, the newer one first. Names of records differ in their lengths, or
	// in some of these octets.
	hash := (uint32(len(b)) | uint32(b[0])<<8 | uint32(b[len(b)/2])<<16 | uint32(b[len(b)-1])<<24) * 0x9e3779b1
	pair := &s.names[hash>>(32-pairBits)]
	switch {
	case pair[0] == string(b):
		return pair[0]
	case pair[1] == string(b):
		return pair[1]
	}
	pair[0], pair[1] = string(b), pair[0]
	return pair[0]
}

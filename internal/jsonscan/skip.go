package jsonscan

// deepest is how deep Skip follows values in values.
const deepest = 64

// Skip passes over any value.
func (s *Scanner) Skip() { s.skip(deepest) }

func (s *Scanner) skip(depth int) {
	if depth == 0 {
		s.Fail()
		return
	}
	switch s.next() {
	case '{':
		for s.Open('{'); s.More('}'); {
			s.literal()
			s.token(':')
			s.skip(depth - 1)
		}
	case '[':
		for s.Open('['); s.More(']'); {
			s.skip(depth - 1)
		}
	case '"':
		s.literal()
	case 't':
		s.word("true")
	case 'f':
		s.word("false")
	case 'n':
		s.word("null")
	default:
		s.number()
	}
}

// number passes over any number.
func (s *Scanner) number() {
	if s.next() == '-' {
		s.at++
	}
	start := s.at
	if _, n := s.digits(); n == 0 || n > 1 && s.text[start] == '0' {
		s.Fail()
		return
	}
	if s.at < len(s.text) && s.text[s.at] == '.' {
		s.at++
		if _, n := s.digits(); n == 0 {
			s.Fail()
			return
		}
	}
	if s.at < len(s.text) && s.text[s.at]|0x20 == 'e' {
		s.at++
		if s.at < len(s.text) && (s.text[s.at] == '+' || s.text[s.at] == '-') {
			s.at++
		}
		if _, n := s.digits(); n == 0 {
			s.Fail()
		}
	}
}

// Valid reports whether text is JSON. It may report false for JSON with very deep values.
func (s *Scanner) Valid(text []byte) bool {
	s.Reset(text)
	s.Skip()
	return s.End()
}

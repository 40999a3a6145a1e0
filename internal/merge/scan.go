package merge

import (
	"encoding/json"
	"math"

	"github.com/masstrace/masstrace/internal/jsonscan"
)

// scan reads the fields of lines that are compared. encoding/json reads the lines that it does not
// take.
type scan struct{ jsonscan.Scanner }

func (s *scan) trace(line []byte, t *traceName) error {
	got := *t
	s.Reset(line)
	for s.Open('{'); s.More('}'); {
		s.name(&got, s.Key())
	}
	return settle(s, line, t, got)
}

// settle sets to to the values of the scan, or to those of encoding/json if it failed.
func settle[T any](s *scan, line []byte, to *T, got T) error {
	if s.End() {
		*to = got
		return nil
	}
	return json.Unmarshal(line, to)
}

// name reads a field that a trace and its trace-ext record have in common, and passes over others.
func (s *scan) name(t *traceName, key []byte) {
	switch string(key) {
	case "dst":
		s.Addr(&t.Dst)
	case "userid":
		t.UserID = uint16(s.Uint(math.MaxUint16))
	default:
		s.Unknown(key)
	}
}

func (s *scan) ext(line []byte, l *extLine) error {
	got := *l
	s.Reset(line)
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "run":
			got.Run = s.Text()
		case "reached":
			got.Reached = s.Bool()
		case "verdict":
			got.Verdict = s.Text()
		case "conditions":
			s.conditions(&got.Conditions)
		case "loss":
			s.loss(&got.Loss)
		default:
			s.name(&got.traceName, key)
		}
	}
	return settle(s, line, l, got)
}

// conditions reads the kinds of the conditions of a trace.
func (s *scan) conditions(list *[]condition) {
	if *list != nil { // twice: encoding/json mixes both
		s.Fail()
		return
	}
	*list = []condition{}
	for s.Open('['); s.More(']'); {
		var c condition
		for s.Open('{'); s.More('}'); {
			switch key := s.Key(); string(key) {
			case "condition":
				c.Condition = s.Text()
			default:
				s.Unknown(key)
			}
		}
		*list = append(*list, c)
	}
}

func (s *scan) loss(l *loss) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "sent":
			l.Sent = s.Uint(math.MaxUint64)
		case "answered":
			l.Answered = s.Uint(math.MaxUint64)
		default:
			s.Unknown(key)
		}
	}
}

func (s *scan) multipath(line []byte, l *multipathLine) error {
	got := *l
	s.Reset(line)
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "run":
			got.Run = s.Text()
		case "dst":
			s.Addr(&got.Dst)
		case "probes":
			got.Probes = s.Uint(math.MaxUint64)
		default:
			s.Unknown(key)
		}
	}
	return settle(s, line, l, got)
}

func (s *scan) reply(line []byte, l *replyLine) error {
	got := *l
	s.Reset(line)
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "run":
			got.Run = s.Text()
		case "kind":
			got.Kind = s.Text()
		case "dup":
			got.Dup = s.Small()
		case "late":
			got.Late = s.Bool()
		case "superseded":
			got.Superseded = s.Bool()
		case "withheld":
			got.Withheld = s.Bool()
		default:
			s.Unknown(key)
		}
	}
	return settle(s, line, l, got)
}

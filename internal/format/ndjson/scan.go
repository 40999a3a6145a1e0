package ndjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/masstrace/masstrace/internal/jsonscan"
)

// scan reads lines into values of its own, which are valid until the next line. The values are
// those that encoding/json has for the line. Most lines of ours allocate nothing.
type scan struct {
	jsonscan.Scanner

	trace TraceLine
	ext   ExtLine
	reply ReplyLine

	multipath multipathRoom

	// The lists and pointers of these lines refer to the fields below.
	hops    []HopLine
	rooms   []hopRoom
	objects []ObjectLine
	labels  []LabelLine
	names   []string
	shown   []ReplyObject
	stacks  [][4]uint32
	pairs   [][2]int
	notes   []AnnotationLine
	asns    []uint32
	parts   []PathLine
	ttls    []int
	met     Interface
	nat     NAT
	proof   EvidenceLine
	asked   AskedLine
	passed  AskedLine
	faults  []ConditionLine
	answer  replyRoom
}

// mostKept is how many hops, pairs and so on a scan keeps the memory of: more than a usual line
// has.
const mostKept = 1 << 10

// begin begins a line. Lists that exist but are empty are not nil, as with encoding/json.
func (s *scan) begin(line []byte) {
	s.Reset(line)
	s.hops, s.rooms = emptied(s.hops), emptied(s.rooms)
	s.objects, s.labels, s.names = emptied(s.objects), emptied(s.labels), emptied(s.names)
	s.shown, s.stacks = emptied(s.shown), emptied(s.stacks)
	s.pairs, s.ttls = emptied(s.pairs), emptied(s.ttls)
	s.faults = emptied(s.faults)
	s.notes, s.asns, s.parts = emptied(s.notes), emptied(s.asns), emptied(s.parts)
}

// emptied returns list without elements, and with memory for some.
func emptied[T any](list []T) []T {
	if list == nil || cap(list) > mostKept {
		return make([]T, 0, 64)
	}
	return list[:0]
}

func (s *scan) u8() uint8   { return uint8(s.Uint(math.MaxUint8)) }
func (s *scan) u16() uint16 { return uint16(s.Uint(math.MaxUint16)) }
func (s *scan) u32() uint32 { return uint32(s.Uint(math.MaxUint32)) }

// set stores v at p, and returns p.
func set[T any](p *T, v T) *T {
	*p = v
	return p
}

// list reads a list into a part of room; read reads an element. A list that is there already makes
// the scan fail: if a key comes twice, encoding/json mixes both values.
func list[T any](s *scan, to *[]T, room *[]T, read func(*scan, *T)) {
	if *to != nil {
		s.Fail()
		return
	}
	start := len(*room)
	for s.Open('['); s.More(']'); {
		var zero T
		*room = append(*room, zero)
		read(s, &(*room)[len(*room)-1])
	}
	end := len(*room)
	*to = (*room)[start:end:end]
}

// pair reads a list of two numbers.
func (s *scan) pair(p *[2]int) {
	n := 0
	for s.Open('['); s.More(']'); n++ {
		if n == len(p) {
			s.Fail()
			return
		}
		p[n] = s.Small()
	}
	if n != len(p) {
		s.Fail()
	}
}

// ttl reads a number of a list.
func (s *scan) ttl(to *int) { *to = s.Small() }

// words reads a list of names: those of rewritten fields, or of hashed ones.
func (s *scan) words(to *[]string) {
	list(s, to, &s.names, func(s *scan, name *string) { *name = s.Text() })
}

// decode reads a line that the scan did not take, with encoding/json. The scan has read all before
// the field of the error.
func (s *scan) decode(typ string, line []byte, to any) error {
	err := json.Unmarshal(line, to)
	if key := s.LastKey(); err != nil && len(key) > 0 && !namesField(err) {
		return fmt.Errorf("%s record: %s: %w", typ, key, err)
	}
	return named(typ, err)
}

// namesField reports whether an error of encoding/json names its field, or is about the syntax.
func namesField(err error) bool {
	var wrong *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	return errors.As(err, &wrong) || errors.As(err, &syntax)
}

// decode is json.Unmarshal with an error that names the type and the field.
func decode(typ string, line []byte, to any) error { return named(typ, json.Unmarshal(line, to)) }

// named names the type in an error of encoding/json.
func named(typ string, err error) error {
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Errorf("%s record: %s does not take the JSON value %s", typ, wrong.Field, wrong.Value)
	}
	return fmt.Errorf("%s record: %w", typ, err)
}

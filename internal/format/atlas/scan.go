package atlas

import (
	"math"
	"strconv"

	"github.com/masstrace/masstrace/internal/jsonscan"
)

// scan reads results into values of its own, which are valid until the next result. The values are
// those that encoding/json has. Usual results allocate nothing.
type scan struct {
	jsonscan.Scanner
	one result

	// The lists and pointers of the result refer to these lists.
	hops    []hop
	packets []packet
	rooms   []room
	objects []object
	labels  []label
}

// room is the memory for the pointers of a packet.
type room struct {
	late  int
	rtt   float64
	ittl  uint8
	mtu   uint32
	flags string
	ext   extension
}

// mostKept is how many packets and so on a scan keeps the memory of: more than a usual result has.
const mostKept = 1 << 10

// emptied returns list without elements, and with memory for some.
func emptied[T any](list []T) []T {
	if list == nil || cap(list) > mostKept {
		return make([]T, 0, 64)
	}
	return list[:0]
}

// result returns the result in text, nil if encoding/json must read it.
func (s *scan) result(text []byte) *result {
	s.Reset(text)
	s.hops, s.packets, s.rooms = emptied(s.hops), emptied(s.packets), emptied(s.rooms)
	s.objects, s.labels = emptied(s.objects), emptied(s.labels)
	s.one = result{}
	for s.Open('{'); s.More('}'); {
		s.field(&s.one, s.Key())
	}
	if !s.End() {
		return nil
	}
	return &s.one
}

func (s *scan) field(l *result, key []byte) {
	switch string(key) {
	case "type":
		l.Type = s.Text()
	case "dst_addr":
		s.Addr(&l.DstAddr)
	case "src_addr":
		s.Addr(&l.SrcAddr)
	case "proto":
		l.Proto = s.Text()
	case "size":
		l.Size = s.Small()
	case "tos":
		l.TOS = s.octet()
	case "paris_id":
		l.ParisID = s.Small()
	case "timestamp":
		l.Timestamp = s.Int()
	case "result":
		list(s, &l.Result, &s.hops, (*scan).hop)
	default:
		s.Unknown(key)
	}
}

// list reads a list into a part of memory; read reads an element. A list that is there already
// makes the scan fail: if a key comes twice, encoding/json mixes both values.
func list[T any](s *scan, to, memory *[]T, read func(*scan, *T)) {
	if *to != nil {
		s.Fail()
		return
	}
	start := len(*memory)
	for s.Open('['); s.More(']'); {
		var zero T
		*memory = append(*memory, zero)
		read(s, &(*memory)[len(*memory)-1])
	}
	end := len(*memory)
	*to = (*memory)[start:end:end]
}

func (s *scan) octet() uint8 { return uint8(s.Uint(math.MaxUint8)) }

func (s *scan) hop(h *hop) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "hop":
			h.Hop = s.Small()
		case "error":
			h.Error = s.Text()
		case "result":
			list(s, &h.Result, &s.packets, (*scan).packet)
		default:
			s.Unknown(key)
		}
	}
}

func (s *scan) packet(p *packet) {
	s.rooms = append(s.rooms, room{})
	r := &s.rooms[len(s.rooms)-1]
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "from":
			s.Addr(&p.From)
		case "ttl":
			p.TTL = s.octet()
		case "rtt":
			r.rtt, p.RTT = s.Float(), &r.rtt
		case "size":
			p.Size = s.Small()
		case "x":
			p.X = s.Text()
		default:
			s.rare(p, r, key)
		}
	}
}

// rare reads the fields that few packets have.
func (s *scan) rare(p *packet, r *room, key []byte) {
	switch string(key) {
	case "error":
		p.Error = s.Text()
	case "late":
		r.late, p.Late = s.Small(), &r.late
	case "dup":
		s.Skip()
		p.Dup = true
	case "tos":
		p.TOS = s.octet()
	case "err":
		p.Err = s.code()
	case "ittl":
		r.ittl, p.ITTL = s.octet(), &r.ittl
	case "itos":
		p.ITOS = s.octet()
	case "mtu":
		r.mtu, p.MTU = uint32(s.Uint(math.MaxUint32)), &r.mtu
	case "flags":
		r.flags, p.Flags = s.Text(), &r.flags
	case "icmpext":
		if p.Ext != nil { // twice: encoding/json mixes them
			s.Fail()
			return
		}
		p.Ext = &r.ext
		s.extension(p.Ext)
	default:
		s.Unknown(key)
	}
}

// code reads a letter or a number.
func (s *scan) code() code {
	if s.Peek() == '"' {
		return code(s.Text())
	}
	return code(strconv.Itoa(int(s.octet())))
}

func (s *scan) extension(x *extension) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "version":
			x.Version = s.Small()
		case "obj":
			list(s, &x.Objects, &s.objects, (*scan).object)
		default:
			s.Unknown(key)
		}
	}
}

func (s *scan) object(o *object) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "class":
			o.Class = s.octet()
		case "type":
			o.Type = s.octet()
		case "mpls":
			list(s, &o.MPLS, &s.labels, (*scan).label)
		default:
			s.Unknown(key)
		}
	}
}

func (s *scan) label(l *label) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "label":
			l.Label = uint32(s.Uint(math.MaxUint32))
		case "exp":
			l.EXP = s.octet()
		case "s":
			l.S = s.octet()
		case "ttl":
			l.TTL = s.octet()
		default:
			s.Unknown(key)
		}
	}
}

package ndjson

// multipathRoom is the memory for the lists of a MultipathLine.
type multipathRoom struct {
	line      MultipathLine
	nodes     []NodeLine
	links     []LinkLine
	balancers []BalancerLine
}

// multipathLine returns the multipath record in line, nil if encoding/json must read it.
func (s *scan) multipathLine(line []byte) *MultipathLine {
	s.begin(line)
	room := &s.multipath
	room.line = MultipathLine{}
	room.nodes, room.links, room.balancers = emptied(room.nodes), emptied(room.links), emptied(room.balancers)
	for s.Open('{'); s.More('}'); {
		s.multipathField(room, s.Key())
	}
	if !s.End() {
		return nil
	}
	return &room.line
}

func (s *scan) multipathField(room *multipathRoom, key []byte) {
	l := &room.line
	switch string(key) {
	case "type":
		l.Type = s.Text()
	case "run":
		l.Run = s.Text()
	case "method":
		l.Method = s.Text()
	case "src":
		s.Addr(&l.Src)
	case "dst":
		s.Addr(&l.Dst)
	case "mda":
		l.MDA = s.Text()
	case "start":
		s.start(&l.Start)
	case "probes":
		l.Probes = s.Small()
	case "remapped":
		l.Remapped = s.Small()
	case "unfinished":
		l.Unfinished = s.Bool()
	case "nodes":
		list(s, &l.Nodes, &room.nodes, (*scan).node)
	case "links":
		list(s, &l.Links, &room.links, (*scan).link)
	case "balancers":
		list(s, &l.Balancers, &room.balancers, (*scan).balancer)
	default:
		s.Unknown(key)
	}
}

func (s *scan) node(n *NodeLine) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "ttl":
			n.TTL = s.u8()
		case "addr":
			s.Addr(&n.Addr)
		case "flows":
			n.Flows = s.Small()
		case "borrowed":
			n.Borrowed = s.Bool()
		default:
			s.Unknown(key)
		}
	}
}

func (s *scan) link(l *LinkLine) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "ttl":
			l.TTL = s.u8()
		case "near":
			s.Addr(&l.Near)
		case "far":
			s.Addr(&l.Far)
		case "flows":
			l.Flows = s.Small()
		case "dt_ms":
			l.DtMs = s.Float()
		case "remapped":
			l.Remapped = s.Bool()
		default:
			s.Unknown(key)
		}
	}
}

func (s *scan) balancer(l *BalancerLine) {
	for s.Open('{'); s.More('}'); {
		s.balancerField(l, s.Key())
	}
}

func (s *scan) balancerField(l *BalancerLine, key []byte) {
	switch string(key) {
	case "ttl":
		l.TTL = s.u8()
	case "addr":
		s.Addr(&l.Addr)
	case "width":
		l.Width = s.Small()
	case "length":
		l.Length = s.Small()
	case "asymmetry":
		l.Asymmetry = s.Small()
	case "kind":
		l.Kind = s.Text()
	case "asked":
		l.Asked = s.Small()
	case "answered":
		l.Answered = s.Small()
	case "confidence":
		l.Confidence = s.Float()
	case "state":
		l.State = s.Text()
	case "hash_fields":
		s.words(&l.HashFields)
	case "borrowed":
		l.Borrowed = s.Bool()
	default:
		s.Unknown(key)
	}
}

package ndjson

// extLine returns the trace-ext record in line, nil if encoding/json must read it.
func (s *scan) extLine(line []byte) *ExtLine {
	s.begin(line)
	s.ext, s.met, s.nat = ExtLine{}, Interface{}, NAT{}
	l := &s.ext
	for s.Open('{'); s.More('}'); {
		s.extField(l, s.Key())
	}
	if !s.End() {
		return nil
	}
	return l
}

func (s *scan) extField(l *ExtLine, key []byte) {
	switch string(key) {
	case "type":
		l.Type = s.Text()
	case "run":
		l.Run = s.Text()
	case "dst":
		s.Addr(&l.Dst)
	case "userid":
		l.UserID = s.Small()
	case "reached":
		l.Reached = s.Bool()
	case "dst_ttl":
		l.DstTTL = s.Small()
	case "lss":
		l.Met = &s.met
		s.meeting(l.Met)
	case "no_reply":
		list(s, &l.NoReply, &s.pairs, (*scan).pair)
	case "loss":
		s.loss(&l.Loss)
	case "rate_limited_ttls":
		list(s, &l.RateLimited, &s.ttls, (*scan).ttl)
	case "kernel_drop_ttls":
		list(s, &l.UnderDrops, &s.ttls, (*scan).ttl)
	case "contested":
		list(s, &l.Contested, &s.ttls, (*scan).ttl)
	case "withheld":
		list(s, &l.Withheld, &s.ttls, (*scan).ttl)
	case "loops":
		list(s, &l.Loops, &s.pairs, (*scan).pair)
	case "nat":
		l.NAT = &s.nat
		s.natField(l.NAT)
	case "path_hash":
		l.PathHash = string(s.Plain()) // each trace has another one
	case "target":
		s.annotation(&l.Target)
	case "as_path":
		list(s, &l.ASPath, &s.parts, (*scan).pathPart)
	default:
		s.Unknown(key)
	}
}

func (s *scan) meeting(m *Interface) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "ttl":
			m.TTL = s.Small()
		case "addr":
			s.Addr(&m.Addr)
		default:
			s.Unknown(key)
		}
	}
}

func (s *scan) loss(l *Loss) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "sent":
			l.Sent = s.Small()
		case "answered":
			l.Answered = s.Small()
		default:
			s.Unknown(key)
		}
	}
}

func (s *scan) natField(n *NAT) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "first_ttl":
			n.FirstTTL = s.Small()
		default:
			s.Unknown(key)
		}
	}
}

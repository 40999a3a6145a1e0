package ndjson

// Keys are in the order in which records have them. Any other order does as well.

// traceLine returns the trace record in line, nil if encoding/json must read it.
func (s *scan) traceLine(line []byte) *TraceLine {
	s.begin(line)
	s.trace = TraceLine{}
	l := &s.trace
	for s.Open('{'); s.More('}'); {
		s.traceField(l, s.Key())
	}
	if !s.End() {
		return nil
	}
	return l
}

func (s *scan) traceField(l *TraceLine, key []byte) {
	switch string(key) {
	case "type":
		l.Type = s.Text()
	case "version":
		l.Version = s.Text()
	case "list_name":
		l.ListName = s.Text()
	case "id":
		l.ID = s.Small()
	case "hostname":
		l.Hostname = s.Text()
	case "userid":
		l.UserID = s.Small()
	case "method":
		l.Method = s.Text()
	case "src":
		s.Addr(&l.Src)
	case "dst":
		s.Addr(&l.Dst)
	case "sport":
		l.SrcPort = s.u16()
	case "dport":
		l.DstPort = s.u16()
	case "icmp_sum":
		l.ICMPSum = s.u16()
	case "stop_reason":
		l.StopReason = s.Text()
	case "stop_data":
		l.StopData = s.Small()
	case "start":
		s.start(&l.Start)
	case "hop_count":
		l.HopCount = s.Small()
	case "attempts":
		l.Attempts = s.Small()
	case "hoplimit":
		l.HopLimit = s.Small()
	case "firsthop":
		l.FirstHop = s.Small()
	case "wait":
		l.Wait = s.Float()
	case "wait_probe":
		l.WaitProbe = s.Float()
	case "tos":
		l.TOS = s.Small()
	case "probe_size":
		l.ProbeSize = s.Small()
	case "probe_count":
		l.ProbeCount = s.Small()
	case "hops":
		s.hopList(l)
	default:
		s.Unknown(key)
	}
}

func (s *scan) start(t *StartTime) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "sec":
			t.Sec = s.Int()
		case "usec":
			t.USec = s.Int()
		case "ftime":
			t.FTime = s.Text()
		default:
			s.Unknown(key)
		}
	}
}

func (s *scan) time(t *Time) {
	s.Open('{')
	if s.Is(`"sec":`) {
		t.Sec = s.Int()
		if s.Is(`,"usec":`) {
			t.USec = s.Int()
		}
	}
	for s.More('}') {
		switch key := s.Key(); string(key) {
		case "sec":
			t.Sec = s.Int()
		case "usec":
			t.USec = s.Int()
		default:
			s.Unknown(key)
		}
	}
}

// hopRoom is the memory for the pointers of a HopLine.
type hopRoom struct {
	id             int
	tx             Time
	rtt            float64
	typ, code      uint8
	quotedTTL, tos uint8
	quotedLen      int
	flags          uint8
	rttNs          int64
}

func (s *scan) hopList(l *TraceLine) {
	if l.Hops != nil { // twice: encoding/json mixes the hops
		s.Fail()
		return
	}
	for s.Open('['); s.More(']'); {
		s.hops, s.rooms = append(s.hops, HopLine{}), append(s.rooms, hopRoom{})
		h, room := &s.hops[len(s.hops)-1], &s.rooms[len(s.rooms)-1]
		s.Open('{')
		s.usualHop(h, room)
		for s.More('}') {
			s.hopField(h, room, s.Key())
		}
	}
	l.Hops = s.hops
}

func (s *scan) hopField(h *HopLine, room *hopRoom, key []byte) {
	switch string(key) {
	case "addr":
		s.Addr(&h.Addr)
	case "probe_ttl":
		h.ProbeTTL = s.u8()
	case "probe_id":
		h.ProbeID = set(&room.id, s.Small())
	case "probe_size":
		h.ProbeSize = s.Small()
	case "tx":
		h.Tx = &room.tx
		s.time(h.Tx)
	case "rtt":
		h.RTT = set(&room.rtt, s.Float())
	case "reply_ttl":
		h.ReplyTTL = s.u8()
	case "reply_tos":
		h.ReplyTOS = s.u8()
	case "reply_size":
		h.ReplySize = s.u32()
	case "reply_ipid":
		h.ReplyIPID = s.Small()
	case "icmp_type":
		h.ICMPType = set(&room.typ, s.u8())
	case "icmp_code":
		h.ICMPCode = set(&room.code, s.u8())
	case "icmp_q_ttl":
		h.QuotedTTL = set(&room.quotedTTL, s.u8())
	case "icmp_q_ipl":
		h.QuotedLen = set(&room.quotedLen, s.Small())
	case "icmp_q_tos":
		h.QuotedTOS = set(&room.tos, s.u8())
	case "rtt_ns":
		h.RTTNs = set(&room.rttNs, s.Int())
	case "kind":
		h.Kind = s.Text()
	case "valid":
		h.Valid = s.Text()
	default:
		s.rareHopField(h, room, key)
	}
}

// rareHopField reads the fields that few hops have.
func (s *scan) rareHopField(h *HopLine, room *hopRoom, key []byte) {
	switch string(key) {
	case "icmp_nhmtu":
		h.MTU = s.u32()
	case "icmp_nhmtu:":
		h.MTUColon = s.u32()
	case "tcp_flags":
		h.TCPFlags = set(&room.flags, s.u8())
	case "icmpext":
		list(s, &h.Objects, &s.objects, (*scan).object)
	case "icmpext_sum":
		h.ExtSum = s.Text()
	case "mangled":
		s.words(&h.Mangled)
	case "lagged":
		h.Lagged = s.Bool()
	case "inferred":
		h.Inferred = s.Bool()
	default:
		if !s.annotationField(&h.AnnotationLine, key) {
			s.Unknown(key)
		}
	}
}

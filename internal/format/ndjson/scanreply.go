package ndjson

// replyRoom is the memory for the pointers of a ReplyLine.
type replyRoom struct {
	txUs, rttNs                  int64
	label, quotedSize            uint32
	quotedID, quotedLen          uint16
	id, rtt                      uint16
	attempt, ttl, quotedTTL, tos uint8
	typ, code, flags             uint8
}

// replyLine returns the reply record in line, nil if encoding/json must read it.
func (s *scan) replyLine(line []byte) *ReplyLine {
	s.begin(line)
	s.reply = ReplyLine{}
	l := &s.reply
	s.Open('{')
	s.usualReply(l)
	for s.More('}') {
		s.replyField(l, s.Key())
	}
	if !s.End() {
		return nil
	}
	return l
}

// replyField reads the fields about the record and its probe.
func (s *scan) replyField(l *ReplyLine, key []byte) {
	room := &s.answer
	switch string(key) {
	case "type":
		l.Type = s.Text()
	case "run":
		l.Run = s.Text()
	case "ts_src":
		l.TSSrc = s.Text()
	case "capture_timestamp":
		l.CaptureTimestamp = s.Int()
	case "rx_us":
		l.RxUs = s.Int()
	case "tx_us":
		l.TxUs = set(&room.txUs, s.Int())
	case "probe_protocol":
		l.ProbeProtocol = s.u8()
	case "probe_src_addr":
		s.Addr(&l.ProbeSrc)
	case "probe_dst_addr":
		s.Addr(&l.ProbeDst)
	case "probe_src_port":
		l.ProbeSrcPort = s.u16()
	case "probe_dst_port":
		l.ProbeDstPort = s.u16()
	case "probe_flow_label":
		l.ProbeFlowLabel = set(&room.label, s.u32())
	case "probe_flow":
		l.ProbeFlow = s.u16()
	case "probe_attempt":
		l.ProbeAttempt = set(&room.attempt, s.u8())
	case "probe_ttl":
		l.ProbeTTL = set(&room.ttl, s.u8())
	case "probe_size":
		l.ProbeSize = s.Small()
	default:
		s.answerField(l, key)
	}
}

// answerField reads the fields about the packet that answered.
func (s *scan) answerField(l *ReplyLine, key []byte) {
	room := &s.answer
	switch string(key) {
	case "quoted_ttl":
		l.QuotedTTL = set(&room.quotedTTL, s.u8())
	case "quoted_tos":
		l.QuotedTOS = set(&room.tos, s.u8())
	case "quoted_size":
		l.QuotedSize = set(&room.quotedSize, s.u32())
	case "quoted_id":
		l.QuotedID = set(&room.quotedID, s.u16())
	case "quoted_len":
		l.QuotedLen = set(&room.quotedLen, s.u16())
	case "reply_src_addr":
		s.Addr(&l.ReplySrc)
	case "reply_protocol":
		l.ReplyProtocol = s.u8()
	case "reply_icmp_type":
		l.ReplyICMPType = set(&room.typ, s.u8())
	case "reply_icmp_code":
		l.ReplyICMPCode = set(&room.code, s.u8())
	case "reply_ttl":
		l.ReplyTTL = s.u8()
	case "reply_size":
		l.ReplySize = s.u32()
	case "reply_tos":
		l.ReplyTOS = s.u8()
	case "reply_ipid":
		l.ReplyIPID = set(&room.id, s.u16())
	case "reply_tcp_flags":
		l.ReplyTCPFlags = set(&room.flags, s.u8())
	case "reply_mtu":
		l.ReplyMTU = s.u32()
	default:
		s.verdictField(l, key)
	}
}

// verdictField reads the fields about extensions, times and the use of the reply.
func (s *scan) verdictField(l *ReplyLine, key []byte) {
	room := &s.answer
	switch string(key) {
	case "reply_mpls_labels":
		list(s, &l.Labels, &s.stacks, (*scan).stack)
	case "icmpext":
		list(s, &l.Objects, &s.shown, (*scan).replyObject)
	case "icmpext_sum":
		l.ExtSum = s.Text()
	case "rtt":
		l.RTT = set(&room.rtt, s.u16())
	case "rtt_ns":
		l.RTTNs = set(&room.rttNs, s.Int())
	case "kind":
		l.Kind = s.Text()
	case "from_dst":
		l.FromDst = s.Bool()
	case "valid":
		l.Valid = s.Text()
	case "mangled":
		s.words(&l.Mangled)
	case "dup":
		l.Dup = s.Small()
	case "late":
		l.Late = s.Bool()
	case "lagged":
		l.Lagged = s.Bool()
	case "superseded":
		l.Superseded = s.Bool()
	case "withheld":
		l.Withheld = s.Bool()
	case "round":
		l.Round = s.Small()
	default:
		s.Unknown(key)
	}
}

// stack reads a label as a list of four numbers.
func (s *scan) stack(l *[4]uint32) {
	n := 0
	for s.Open('['); s.More(']'); n++ {
		if n == len(l) {
			s.Fail()
			return
		}
		l[n] = s.u32()
	}
	if n != len(l) {
		s.Fail()
	}
}

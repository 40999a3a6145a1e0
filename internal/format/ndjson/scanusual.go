package ndjson

// The functions of this file read the fields that are in the places where ours have them, and leave
// all other fields. Hops and replies are most of a file.

// usualHop reads fields of a hop.
func (s *scan) usualHop(h *HopLine, room *hopRoom) {
	if !s.Is(`"addr":`) {
		return
	}
	s.Addr(&h.Addr)
	if s.Is(`,"probe_ttl":`) {
		h.ProbeTTL = s.u8()
	}
	if s.Is(`,"probe_id":`) {
		h.ProbeID = set(&room.id, s.Small())
	}
	if s.Is(`,"probe_size":`) {
		h.ProbeSize = s.Small()
	}
	if s.Is(`,"tx":`) {
		h.Tx = &room.tx
		s.time(h.Tx)
	}
	if s.Is(`,"rtt":`) {
		h.RTT = set(&room.rtt, s.Float())
	}
	if s.Is(`,"reply_ttl":`) {
		h.ReplyTTL = s.u8()
	}
	if s.Is(`,"reply_tos":`) {
		h.ReplyTOS = s.u8()
	}
	if s.Is(`,"reply_size":`) {
		h.ReplySize = s.u32()
	}
	if s.Is(`,"reply_ipid":`) {
		h.ReplyIPID = s.Small()
	}
	s.usualICMP(h, room)
}

// usualICMP is the part of usualHop from the fields of an ICMP reply on.
func (s *scan) usualICMP(h *HopLine, room *hopRoom) {
	if s.Is(`,"icmp_type":`) {
		h.ICMPType = set(&room.typ, s.u8())
	}
	if s.Is(`,"icmp_code":`) {
		h.ICMPCode = set(&room.code, s.u8())
	}
	if s.Is(`,"icmp_q_ttl":`) {
		h.QuotedTTL = set(&room.quotedTTL, s.u8())
	}
	if s.Is(`,"icmp_q_ipl":`) {
		h.QuotedLen = set(&room.quotedLen, s.Small())
	}
	if s.Is(`,"icmp_q_tos":`) {
		h.QuotedTOS = set(&room.tos, s.u8())
	}
	if s.Is(`,"rtt_ns":`) {
		h.RTTNs = set(&room.rttNs, s.Int())
	}
	if s.Is(`,"kind":`) {
		h.Kind = s.Text()
	}
	if s.Is(`,"valid":`) {
		h.Valid = s.Text()
	}
}

// usualReply reads fields of a reply record.
func (s *scan) usualReply(l *ReplyLine) {
	room := &s.answer
	if !s.Is(`"type":`) {
		return
	}
	l.Type = s.Text()
	if s.Is(`,"run":`) {
		l.Run = s.Text()
	}
	if s.Is(`,"ts_src":`) {
		l.TSSrc = s.Text()
	}
	if s.Is(`,"capture_timestamp":`) {
		l.CaptureTimestamp = s.Int()
	}
	if s.Is(`,"rx_us":`) {
		l.RxUs = s.Int()
	}
	if s.Is(`,"tx_us":`) {
		l.TxUs = set(&room.txUs, s.Int())
	}
	if s.Is(`,"probe_protocol":`) {
		l.ProbeProtocol = s.u8()
	}
	if s.Is(`,"probe_src_addr":`) {
		s.Addr(&l.ProbeSrc)
	}
	if s.Is(`,"probe_dst_addr":`) {
		s.Addr(&l.ProbeDst)
	}
	if s.Is(`,"probe_src_port":`) {
		l.ProbeSrcPort = s.u16()
	}
	if s.Is(`,"probe_dst_port":`) {
		l.ProbeDstPort = s.u16()
	}
	if s.Is(`,"probe_flow_label":`) {
		l.ProbeFlowLabel = set(&room.label, s.u32())
	}
	if s.Is(`,"probe_flow":`) {
		l.ProbeFlow = s.u16()
	}
	if s.Is(`,"probe_attempt":`) {
		l.ProbeAttempt = set(&room.attempt, s.u8())
	}
	if s.Is(`,"probe_ttl":`) {
		l.ProbeTTL = set(&room.ttl, s.u8())
	}
	if s.Is(`,"probe_size":`) {
		l.ProbeSize = s.Small()
	}
	s.usualAnswer(l)
	s.usualVerdict(l)
}

// usualAnswer is the part of usualReply about the packet that answered.
func (s *scan) usualAnswer(l *ReplyLine) {
	room := &s.answer
	if s.Is(`,"quoted_ttl":`) {
		l.QuotedTTL = set(&room.quotedTTL, s.u8())
	}
	if s.Is(`,"quoted_tos":`) {
		l.QuotedTOS = set(&room.tos, s.u8())
	}
	if s.Is(`,"quoted_size":`) {
		l.QuotedSize = set(&room.quotedSize, s.u32())
	}
	if s.Is(`,"quoted_id":`) {
		l.QuotedID = set(&room.quotedID, s.u16())
	}
	if s.Is(`,"quoted_len":`) {
		l.QuotedLen = set(&room.quotedLen, s.u16())
	}
	if s.Is(`,"reply_src_addr":`) {
		s.Addr(&l.ReplySrc)
	}
	if s.Is(`,"reply_protocol":`) {
		l.ReplyProtocol = s.u8()
	}
	if s.Is(`,"reply_icmp_type":`) {
		l.ReplyICMPType = set(&room.typ, s.u8())
	}
	if s.Is(`,"reply_icmp_code":`) {
		l.ReplyICMPCode = set(&room.code, s.u8())
	}
	if s.Is(`,"reply_ttl":`) {
		l.ReplyTTL = s.u8()
	}
	if s.Is(`,"reply_size":`) {
		l.ReplySize = s.u32()
	}
	if s.Is(`,"reply_tos":`) {
		l.ReplyTOS = s.u8()
	}
	if s.Is(`,"reply_ipid":`) {
		l.ReplyIPID = set(&room.id, s.u16())
	}
	if s.Is(`,"reply_mpls_labels":`) {
		list(s, &l.Labels, &s.stacks, (*scan).stack)
	}
}

// usualVerdict is the part of usualReply from the times on.
func (s *scan) usualVerdict(l *ReplyLine) {
	room := &s.answer
	if s.Is(`,"rtt":`) {
		l.RTT = set(&room.rtt, s.u16())
	}
	if s.Is(`,"rtt_ns":`) {
		l.RTTNs = set(&room.rttNs, s.Int())
	}
	if s.Is(`,"kind":`) {
		l.Kind = s.Text()
	}
	if s.Is(`,"from_dst":`) {
		l.FromDst = s.Bool()
	}
	if s.Is(`,"valid":`) {
		l.Valid = s.Text()
	}
	if s.Is(`,"mangled":`) {
		s.words(&l.Mangled)
	}
	if s.Is(`,"dup":`) {
		l.Dup = s.Small()
	}
	if s.Is(`,"late":`) {
		l.Late = s.Bool()
	}
	if s.Is(`,"round":`) {
		l.Round = s.Small()
	}
}

package netsim

// halfOpen is a connection in the state SYN-RECEIVED.
type halfOpen struct {
	key      uint64 // hash of addresses and ports; 0 free
	until    int64  // ns; then the host gives up
	irs, iss uint32 // initial sequence numbers: the prober's and the simulated host's
}

const (
	halfOpenSlots = 1 << 15
	// halfOpenTime is how long Linux waits: 1 + 2 + 4 + 8 + 16 + 32 s.
	halfOpenTime  = 63_000_000_000
	receiveWindow = 65535
)

// tcpReply is the header of an answer. Without flags there is no answer.
type tcpReply struct {
	seq, ack uint32
	flags    uint8
}

// listenAnswer returns the answer of a port without a connection (RFC 9293 §3.10.7.1 and 2).
func listenAnswer(flags uint8, listens bool) Answer {
	switch {
	case flags&flagRST != 0:
		return NoAnswer
	case flags&flagACK != 0, !listens:
		return RST
	case flags&flagSYN != 0:
		return SYNACK
	}
	return NoAnswer
}

// tcp processes a segment at a target: RFC 9293 §3.10.7, RFC 5961 §4. random is the initial
// sequence number.
func (s *Sim) tcp(now int64, p *packet, listens bool, random uint64) (Answer, tcpReply) {
	flags := p.tcpFlags()
	key := mix(p.flow.src.hi^p.flow.dst.hi^saltTCP, p.flow.src.lo^s.m.seed)
	key = mix(key^p.flow.dst.lo, uint64(p.flow.first)) | 1
	e := &s.halfOpen[key>>32%halfOpenSlots]
	if listens && e.key == key && now < e.until {
		return s.synReceived(p, e)
	}
	answer := listenAnswer(flags, listens)
	switch answer {
	case RST:
		return RST, resetFor(p)
	case SYNACK:
		if e.key != 0 && now < e.until {
			s.count.EvictedHalfOpen++
		}
		*e = halfOpen{key: key, until: now + halfOpenTime, irs: p.seq(), iss: uint32(random)}
		return SYNACK, e.synACK()
	}
	return answer, tcpReply{}
}

// synReceived processes a segment of a half-open connection.
func (s *Sim) synReceived(p *packet, e *halfOpen) (Answer, tcpReply) {
	flags, next := p.tcpFlags(), e.irs+1
	inWindow := p.seq()-next < receiveWindow
	switch {
	case flags&flagRST != 0:
		if inWindow {
			*e = halfOpen{}
		}
		return NoAnswer, tcpReply{}
	case flags&(flagSYN|flagACK) == flagSYN && p.seq() == e.irs: // sent again
		return SYNACK, e.synACK()
	case !inWindow:
		return ChallengeACK, tcpReply{seq: e.iss + 1, ack: next, flags: flagACK}
	case flags&flagSYN != 0: // in the window: the host gives the connection up
		*e = halfOpen{}
		return RST, resetFor(p)
	case flags&flagACK == 0:
		return NoAnswer, tcpReply{}
	case p.ack() != e.iss+1:
		return RST, resetFor(p)
	}
	*e = halfOpen{} // established: the model ends here
	return NoAnswer, tcpReply{}
}

func (e *halfOpen) synACK() tcpReply {
	return tcpReply{seq: e.iss, ack: e.irs + 1, flags: flagSYN | flagACK}
}

// resetFor returns the reset that answers a segment (RFC 9293 §3.5.2 group 1).
func resetFor(p *packet) tcpReply {
	if p.tcpFlags()&flagACK != 0 {
		return tcpReply{seq: p.ack(), flags: flagRST}
	}
	return tcpReply{ack: p.seq() + p.segLen(), flags: flagRST | flagACK}
}

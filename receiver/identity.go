package receiver

import (
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// identity says which probe a packet answers. A codec.Codec does so by the key,
// foreign by what is written there.
type identity interface {
	Quoted(q *wire.Quotation, r *probe.Facts) codec.Verdict
	EchoReply(message []byte, is4 bool, r *probe.Facts) codec.Verdict
	answerIdentity
}

// answers are those of a target's transport layer.
type answerIdentity interface {
	UDPAnswer(srcPort, dstPort uint16, r *probe.Facts) codec.Verdict
	TCPAnswer(s *codec.Segment, r *probe.Facts) codec.Verdict
}

package multipath

import "github.com/masstrace/masstrace/internal/probe"

// Limits of what people ask for.
const (
	LeastConfidence = 0.5
	MostConfidence  = 0.9999
	// MostAttempts are the attempts at a (flow, TTL) that does not answer. Two more repeat
	// answered probes.
	MostAttempts = firstRepeat
)

// AnswerOf returns the answer in a reply that shows a hop. steers is set if the reply may decide
// that the path ends.
func AnswerOf(r *probe.Facts, steers bool) Answer {
	a := Answer{From: r.Responder, Steers: steers}
	switch r.Kind {
	case probe.KindTTLExceeded:
	case probe.KindPortUnreach, probe.KindEchoReply, probe.KindSYNACK, probe.KindRST:
		a.Ends, a.Reached = true, true
		if r.Kind == probe.KindPortUnreach && r.Responder == r.Target && r.QuotedTTL > 1 && r.QuotedTTL < r.TTL {
			a.Beyond = r.QuotedTTL - 1
		}
	default:
		a.Reached = r.Responder == r.Target
		a.Ends = a.Reached || r.Kind.IsUnreach()
	}
	return a
}

package plan

import "github.com/masstrace/masstrace/internal/record"

// The numbers of OutputSize are rounded means of scans of the simulated Internet.
const (
	usualHops   = 15  // hops of a trace, if it has as many TTLs
	usualShare  = 0.7 // of them that answer
	traceOctets = 700 // of a trace and a trace-ext record without hops
	hopOctets   = 350
	replyOctets = 760
	packing     = 11 // plain octets for one of zstd
)

// OutputSize estimates the size of the output in bytes, plain and compressed by zstd. It may be off
// by a factor of two, as paths and the silence on them differ.
func (p *Plan) OutputSize() (plain, packed float64) {
	hops := usualShare * float64(min(p.Shape.TTLs(), usualHops))
	each := 0.0
	if p.Records.Has(record.Traces) {
		each += traceOctets + hopOctets*hops
	}
	if p.Records.Has(record.Replies) {
		each += replyOctets * hops
	}
	plain = each * float64(p.Order.Len()) * float64(p.Shape.RequestedFlows())
	return plain, plain / packing
}

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
	if p.paths != nil { // some traces of each target show its links
		each = each*usualTraces + pathsOctets
	}
	plain = each * float64(p.Order.Len()) * float64(p.Shape.RequestedFlows())
	return plain, plain / packing
}

// The output of strategy multipath: traces and octets of the multipath record of a target, in the
// default network of the lab.
const (
	usualTraces = 2
	pathsOctets = 2000
)

// UsualProbes returns about how many probes a target takes. guess is set if the load balancers on its
// path decide. The number is then that of the networks of the lab, rounded.
func (p *Plan) UsualProbes() (perTarget uint64, guess bool) {
	if p.paths == nil {
		return p.ProbesPerTarget(), false
	}
	perTarget = 50 // one probe at most TTLs, and the flows at balancers
	if !p.paths.Borrow {
		perTarget += 30
	}
	if p.MDA == record.Full.String() {
		perTarget += 40
	}
	if p.HashFields {
		perTarget += 30
	}
	if p.MaxProbes > 0 {
		perTarget = min(perTarget, uint64(p.MaxProbes))
	}
	return perTarget, true
}

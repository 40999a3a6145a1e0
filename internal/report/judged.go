package report

import (
	"math"

	"github.com/masstrace/masstrace/internal/record"
)

// judged is the verdict of a trace as the page has it: see record.Judgement.
type judged struct {
	verdict    record.Verdict
	basis      record.Basis
	ttl, again uint8
	kind, code uint8
	silent     uint8        // probes beyond addr without an answer, at most 255
	asked      record.Asked // that ends after addr; the zero value in files of older versions
	passed     record.Asked
	addr       uint32 // noAddress without one
	conditions []condition
}

// noAddress stands for no address of the book.
const noAddress = math.MaxUint32

// condition is a fault on the way as the page has it: see record.Condition.
type condition struct {
	kind           record.ConditionKind
	first, last    uint8
	probes, silent uint16
	mtu            uint32
	addr           uint32 // noAddress without one
}

// newJudged returns the verdict of a trace.
func (g *gathering) newJudged(v *record.Judgement) judged {
	j := judged{
		verdict: v.Verdict, basis: v.Basis, ttl: v.TTL, again: v.AgainTTL, code: v.Code, kind: uint8(v.Kind),
		silent: uint8(min(max(v.Silent, 0), math.MaxUint8)), asked: v.Asked, passed: v.Passed, addr: noAddress,
	}
	if !v.HasKind {
		j.kind = math.MaxUint8
	}
	if !v.Addr.IsZero() {
		j.addr = g.book.number(v.Addr, nil)
	}
	short := func(n int) uint16 { return uint16(min(max(n, 0), math.MaxUint16)) }
	for _, c := range v.Conditions {
		one := condition{kind: c.Kind, first: c.FirstTTL, last: c.LastTTL, probes: short(c.Probes), silent: short(c.Silent), mtu: c.MTU, addr: noAddress}
		if !c.Addr.IsZero() {
			one.addr = g.book.number(c.Addr, nil)
		}
		j.conditions = append(j.conditions, one)
	}
	return j
}

// move replaces the numbers of addresses.
func (j *judged) move(number func(uint32) uint32) {
	if j.addr != noAddress {
		j.addr = number(j.addr)
	}
	for i := range j.conditions {
		if c := &j.conditions[i]; c.addr != noAddress {
			c.addr = number(c.addr)
		}
	}
}

// encodeJudged adds the columns of the verdicts, and of the conditions in the order of the traces.
func (g *gathering) encodeJudged(c *columns) {
	column := func(name, typ string, value func(j *judged) uint32) {
		c.add("verdict."+name, typ, len(g.paths), func(i int) uint32 { return value(&g.paths[i].judged) })
	}
	column("is", "u8", func(j *judged) uint32 { return uint32(j.verdict) })
	column("basis", "u8", func(j *judged) uint32 { return uint32(j.basis) })
	column("ttl", "u8", func(j *judged) uint32 { return uint32(j.ttl) })
	column("again", "u8", func(j *judged) uint32 { return uint32(j.again) })
	column("kind", "u8", func(j *judged) uint32 { return uint32(j.kind) })
	column("code", "u8", func(j *judged) uint32 { return uint32(j.code) })
	column("silent", "u8", func(j *judged) uint32 { return uint32(j.silent) })
	column("asked", "u8", func(j *judged) uint32 { return uint32(j.asked.Method) })
	column("asked_port", "u16", func(j *judged) uint32 { return uint32(j.asked.Port) })
	column("passed", "u8", func(j *judged) uint32 { return uint32(j.passed.Method) })
	column("passed_port", "u16", func(j *judged) uint32 { return uint32(j.passed.Port) })
	column("addr", "u32", func(j *judged) uint32 { return j.addr })
	type of struct {
		*condition
		trace int
	}
	var all []of
	for i := range g.paths {
		list := g.paths[i].judged.conditions
		for k := range list {
			all = append(all, of{&list[k], i})
		}
	}
	conditions := func(name, typ string, value func(o of) uint32) {
		c.add("condition."+name, typ, len(all), func(i int) uint32 { return value(all[i]) })
	}
	conditions("trace", "u32", func(o of) uint32 { return uint32(o.trace) })
	conditions("is", "u8", func(o of) uint32 { return uint32(o.kind) })
	conditions("first", "u8", func(o of) uint32 { return uint32(o.first) })
	conditions("last", "u8", func(o of) uint32 { return uint32(o.last) })
	conditions("probes", "u16", func(o of) uint32 { return uint32(o.probes) })
	conditions("silent", "u16", func(o of) uint32 { return uint32(o.condition.silent) })
	conditions("mtu", "u32", func(o of) uint32 { return o.mtu })
	conditions("addr", "u32", func(o of) uint32 { return o.addr })
}

package ndjson

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// appendVerdict appends the fields of a judgement to a trace-ext record; nothing if there is none.
func appendVerdict(b []byte, v *record.Judgement) []byte {
	if v.Verdict == record.NotJudged {
		return b
	}
	b = appendName(b, "verdict", v.Verdict.String())
	b = append(appendKey(b, "evidence"), `{"basis":"`...)
	b = append(append(b, v.Basis.String()...), '"')
	if v.TTL != 0 {
		b = appendInt(b, "ttl", int64(v.TTL))
	}
	if v.AgainTTL != 0 {
		b = appendInt(b, "again_ttl", int64(v.AgainTTL))
	}
	if !v.Addr.IsZero() {
		b = appendAddr(b, "addr", v.Addr)
	}
	if v.HasKind {
		b = appendName(b, "kind", v.Kind.String())
	}
	if v.HasKind || v.Code != 0 {
		b = appendInt(b, "code", int64(v.Code))
	}
	b = appendInt(b, "replies", int64(v.Replies))
	b = appendInt(b, "silent", int64(v.Silent))
	if v.Basis == record.BasisOtherMethod {
		b = appendAsked(b, "asked", v.Asked)
		b = appendAsked(b, "passed", v.Passed)
	}
	b = append(b, '}')
	return appendConditions(b, v.Conditions)
}

// appendAsked appends a method with its port. Records of older versions have no method that was asked.
func appendAsked(b []byte, name string, a record.Asked) []byte {
	if a == (record.Asked{}) {
		return b
	}
	b = append(appendKey(b, name), `{"method":"`...)
	b = append(append(b, a.Method.String()...), '"')
	if a.Port != 0 {
		b = appendInt(b, "dport", int64(a.Port))
	}
	return append(b, '}')
}

func appendConditions(b []byte, list []record.Condition) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(appendKey(b, "conditions"), '[')
	for i := range list {
		c := &list[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"condition":"`...), c.Kind.String()...)
		b = append(b, `","ttls":`...)
		b = appendPair(b, 0, c.FirstTTL, c.LastTTL)
		if !c.Addr.IsZero() {
			b = appendAddr(b, "addr", c.Addr)
		}
		b = appendInt(b, "sent", int64(c.Probes))
		b = appendInt(b, "silent", int64(c.Silent))
		if c.MTU != 0 {
			b = append(appendKey(b, "mtu"), strconv.FormatUint(uint64(c.MTU), 10)...)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// EvidenceLine is the answer that led to a verdict.
type EvidenceLine struct {
	Basis    string     `json:"basis"`
	TTL      int        `json:"ttl"`       // 0 if no answer decided
	AgainTTL int        `json:"again_ttl"` // of a loop
	Addr     netip.Addr `json:"addr"`
	Kind     string     `json:"kind"`
	Code     int        `json:"code"`
	Replies  int        `json:"replies"`
	Silent   int        `json:"silent"` // probes at higher TTLs
	Asked    *AskedLine `json:"asked"`
	Passed   *AskedLine `json:"passed"`
}

// AskedLine is a method with its destination port.
type AskedLine struct {
	Method string `json:"method"`
	DPort  int    `json:"dport"`
}

// ConditionLine is a fault on the way.
type ConditionLine struct {
	Condition string     `json:"condition"`
	TTLs      [2]int     `json:"ttls"` // first and last
	Addr      netip.Addr `json:"addr"`
	Sent      int        `json:"sent"`
	Silent    int        `json:"silent"`
	MTU       uint32     `json:"mtu"`
}

// fillVerdict fills in the judgement of a trace.
func (l *ExtLine) fillVerdict(v *record.Judgement, r *ranges) error {
	var errs [2]error
	if v.Verdict, errs[0] = record.ParseVerdict(l.Verdict); errs[0] != nil || v.Verdict == record.NotJudged {
		return errs[0]
	}
	if e := l.Evidence; e != nil {
		errs[1] = e.fill(v, r)
	}
	for i := range l.Conditions {
		c := &l.Conditions[i]
		kind, err := record.ParseCondition(c.Condition)
		if err != nil {
			return errors.Join(errs[1], err)
		}
		v.Conditions = append(v.Conditions, record.Condition{
			Kind: kind, FirstTTL: r.octet("conditions.ttls", c.TTLs[0]), LastTTL: r.octet("conditions.ttls", c.TTLs[1]),
			Addr: probe.AddrFrom(c.Addr), Probes: c.Sent, Silent: c.Silent, MTU: c.MTU,
		})
	}
	return errs[1]
}

func (e *EvidenceLine) fill(v *record.Judgement, r *ranges) (err error) {
	if v.Basis, err = record.ParseBasis(e.Basis); err != nil {
		return err
	}
	v.TTL, v.AgainTTL = r.octet("evidence.ttl", e.TTL), r.octet("evidence.again_ttl", e.AgainTTL)
	v.Addr, v.Code = probe.AddrFrom(e.Addr), r.octet("evidence.code", e.Code)
	v.Kind, _ = probe.ParseKind(e.Kind)
	v.HasKind, v.Replies, v.Silent = e.Kind != "", e.Replies, e.Silent
	if err = e.Asked.fill(&v.Asked); err != nil {
		return fmt.Errorf("evidence.asked: %w", err)
	}
	if err = e.Passed.fill(&v.Passed); err != nil {
		return fmt.Errorf("evidence.passed: %w", err)
	}
	return nil
}

// fill fills in a method. A nil line has none.
func (l *AskedLine) fill(a *record.Asked) (err error) {
	if l == nil {
		return nil
	}
	a.Port = uint16(min(max(l.DPort, 0), 1<<16-1))
	a.Method, err = probe.ParseMethod(l.Method)
	return err
}

// evidence reads the evidence of a verdict.
func (s *scan) evidence(to **EvidenceLine) {
	if *to != nil {
		s.Fail()
		return
	}
	s.proof = EvidenceLine{}
	e := &s.proof
	*to = e
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "basis":
			e.Basis = s.Text()
		case "ttl":
			e.TTL = s.Small()
		case "again_ttl":
			e.AgainTTL = s.Small()
		case "addr":
			s.Addr(&e.Addr)
		case "kind":
			e.Kind = s.Text()
		case "code":
			e.Code = s.Small()
		case "replies":
			e.Replies = s.Small()
		case "silent":
			e.Silent = s.Small()
		case "asked":
			s.askedField(&e.Asked, &s.asked)
		case "passed":
			s.askedField(&e.Passed, &s.passed)
		default:
			s.Unknown(key)
		}
	}
}

// askedField reads a method into room, and makes to refer to it.
func (s *scan) askedField(to **AskedLine, room *AskedLine) {
	if *to != nil {
		s.Fail()
		return
	}
	*room = AskedLine{}
	*to = room
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "method":
			room.Method = s.Text()
		case "dport":
			room.DPort = s.Small()
		default:
			s.Unknown(key)
		}
	}
}

func (s *scan) condition(c *ConditionLine) {
	for s.Open('{'); s.More('}'); {
		switch key := s.Key(); string(key) {
		case "condition":
			c.Condition = s.Text()
		case "ttls":
			s.pair(&c.TTLs)
		case "addr":
			s.Addr(&c.Addr)
		case "sent":
			c.Sent = s.Small()
		case "silent":
			c.Silent = s.Small()
		case "mtu":
			c.MTU = s.u32()
		default:
			s.Unknown(key)
		}
	}
}

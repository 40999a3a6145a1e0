package parquet

import (
	"encoding/json"
	"net/netip"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// evidence is the JSON of the evidence of a verdict, as in trace-ext records.
type evidence struct {
	Basis    string     `json:"basis"`
	TTL      uint8      `json:"ttl,omitempty"`
	AgainTTL uint8      `json:"again_ttl,omitempty"`
	Addr     netip.Addr `json:"addr,omitzero"`
	Kind     string     `json:"kind,omitempty"`
	Code     *uint8     `json:"code,omitempty"`
	Replies  int        `json:"replies"`
	Silent   int        `json:"silent"`
	Asked    *asked     `json:"asked,omitempty"`
	Passed   *asked     `json:"passed,omitempty"`
}

// asked is a method with its destination port.
type asked struct {
	Method string `json:"method"`
	DPort  uint16 `json:"dport,omitempty"`
}

// condition is the JSON of a condition.
type condition struct {
	Condition string     `json:"condition"`
	TTLs      [2]uint8   `json:"ttls"`
	Addr      netip.Addr `json:"addr,omitzero"`
	Sent      int        `json:"sent"`
	Silent    int        `json:"silent"`
	MTU       uint32     `json:"mtu,omitempty"`
}

// setJSON sets v to a value as JSON.
func (r *row) setJSON(v *value, x any) {
	text, err := json.Marshal(x)
	if r.fail("verdict", err); err == nil {
		v.setText(text)
	}
}

func (r *row) evidence(v *value, j *record.Judgement) {
	if j.Verdict == record.NotJudged {
		return
	}
	e := evidence{Basis: j.Basis.String(), TTL: j.TTL, AgainTTL: j.AgainTTL, Replies: j.Replies, Silent: j.Silent}
	if !j.Addr.IsZero() {
		e.Addr = j.Addr.Netip()
	}
	if j.HasKind {
		e.Kind = j.Kind.String()
	}
	if j.HasKind || j.Code != 0 {
		e.Code = &j.Code
	}
	if j.Basis == record.BasisOtherMethod {
		e.Asked, e.Passed = askedOf(j.Asked), askedOf(j.Passed)
	}
	r.setJSON(v, &e)
}

// askedOf returns nil of the zero value: records of older versions have no method that was asked.
func askedOf(a record.Asked) *asked {
	if a == (record.Asked{}) {
		return nil
	}
	return &asked{a.Method.String(), a.Port}
}

func (a *asked) parse() (record.Asked, error) {
	if a == nil {
		return record.Asked{}, nil
	}
	method, err := probe.ParseMethod(a.Method)
	return record.Asked{Method: method, Port: a.DPort}, err
}

func (r *row) parseEvidence(v *value, j *record.Judgement) {
	var e evidence
	err := json.Unmarshal(v.b, &e)
	if r.fail("evidence", err); err != nil {
		return
	}
	j.Basis, err = record.ParseBasis(e.Basis)
	r.fail("evidence", err)
	j.TTL, j.AgainTTL, j.Replies, j.Silent = e.TTL, e.AgainTTL, e.Replies, e.Silent
	if e.Addr.IsValid() {
		j.Addr = probe.AddrFrom(e.Addr)
	}
	j.Kind, _ = probe.ParseKind(e.Kind)
	if j.HasKind = e.Kind != ""; e.Code != nil {
		j.Code = *e.Code
	}
	j.Asked, err = e.Asked.parse()
	r.fail("evidence", err)
	j.Passed, err = e.Passed.parse()
	r.fail("evidence", err)
}

func (r *row) conditions(v *value, list []record.Condition) {
	if len(list) == 0 {
		return
	}
	texts := make([]condition, len(list))
	for i, c := range list {
		texts[i] = condition{
			Condition: c.Kind.String(), TTLs: [2]uint8{c.FirstTTL, c.LastTTL}, Sent: c.Probes, Silent: c.Silent, MTU: c.MTU,
		}
		if !c.Addr.IsZero() {
			texts[i].Addr = c.Addr.Netip()
		}
	}
	r.setJSON(v, texts)
}

func (r *row) parseConditions(v *value, j *record.Judgement) {
	var texts []condition
	err := json.Unmarshal(v.b, &texts)
	if r.fail("conditions", err); err != nil {
		return
	}
	for _, c := range texts {
		kind, err := record.ParseCondition(c.Condition)
		r.fail("conditions", err)
		one := record.Condition{
			Kind: kind, FirstTTL: c.TTLs[0], LastTTL: c.TTLs[1], Probes: c.Sent, Silent: c.Silent, MTU: c.MTU,
		}
		if c.Addr.IsValid() {
			one.Addr = probe.AddrFrom(c.Addr)
		}
		j.Conditions = append(j.Conditions, one)
	}
}

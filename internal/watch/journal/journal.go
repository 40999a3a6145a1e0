// Package journal writes the samples and changes of a watch to a stream of JSON lines, and reads
// them again. The first line is a Head, the last one an End. docs/watch.md describes the fields.
package journal

import (
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/wire"
)

// Version is the version of the form.
const Version = 1

// Head describes a watch.
type Head struct {
	Type     string   `json:"type"` // "watch"
	Version  int      `json:"version"`
	Tool     string   `json:"tool,omitempty"`
	Start    string   `json:"start"`
	Method   string   `json:"method"`
	Flows    int      `json:"flows"`
	FirstTTL uint8    `json:"first_ttl"`
	MaxTTL   uint8    `json:"max_ttl"`
	Interval int64    `json:"interval_ns"`
	Wait     int64    `json:"wait_ns"`
	Targets  []Target `json:"targets"`
}

// Target is a target of a watch.
type Target struct {
	Name string     `json:"name"`
	Addr netip.Addr `json:"addr"`
}

// End is the last line.
type End struct {
	Type   string `json:"type"` // "watch-end"
	Reason string `json:"reason"`
	Cycles uint32 `json:"cycles"`
}

// sample is a line for a board.Sample.
type sample struct {
	Type      string     `json:"type"` // "watch-sample"
	Target    netip.Addr `json:"target"`
	Flow      int        `json:"flow"`
	Cycle     uint32     `json:"cycle"`
	TTL       uint8      `json:"ttl"`
	Sent      int64      `json:"sent_ns"`
	Outcome   string     `json:"outcome"`
	RTT       *int64     `json:"rtt_ns,omitempty"`
	Addr      *string    `json:"addr,omitempty"`
	Kind      string     `json:"kind,omitempty"`
	Code      uint8      `json:"code,omitempty"`
	ReplyTTL  uint8      `json:"reply_ttl,omitempty"`
	QuotedTTL uint8      `json:"quoted_ttl,omitempty"`
	MTU       uint32     `json:"mtu,omitempty"`
	Weak      bool       `json:"weak,omitempty"`
	Mangled   []string   `json:"mangled,omitempty"`
	MPLS      []label    `json:"mpls,omitempty"`
}

// label is an entry of a label stack.
type label struct {
	Label uint32 `json:"label"`
	EXP   uint8  `json:"exp"`
	S     uint8  `json:"s"`
	TTL   uint8  `json:"ttl"`
}

// newSample returns the line of a sample.
func newSample(s *board.Sample, target netip.Addr) sample {
	l := sample{
		Type: "watch-sample", Target: target, Flow: s.Flow, Cycle: s.Cycle, TTL: s.TTL, Sent: s.Sent, Outcome: s.Outcome.String(),
	}
	if s.Outcome != board.Answered && s.Outcome != board.Late {
		return l
	}
	rtt, addr := int64(s.RTT), s.From.String()
	l.RTT, l.Addr, l.Kind, l.Code, l.MTU, l.Weak = &rtt, &addr, s.Kind.String(), s.Code, s.MTU, s.Weak
	l.ReplyTTL, l.QuotedTTL, l.Mangled = s.ReplyTTL, s.QuotedTTL, s.Rewritten.AppendNames(nil)
	for _, m := range s.MPLS {
		l.MPLS = append(l.MPLS, label(m))
	}
	return l
}

// decode returns the sample of a line, and false if its fields do not fit together.
func (l *sample) decode() (s board.Sample, ok bool) {
	s = board.Sample{Flow: l.Flow, Cycle: l.Cycle, TTL: l.TTL, Sent: l.Sent}
	if s.Outcome, ok = board.ParseOutcome(l.Outcome); !ok || l.TTL == 0 || l.TTL > probe.MaxTTL {
		return s, false
	}
	if s.Outcome != board.Answered && s.Outcome != board.Late {
		return s, true
	}
	if l.RTT == nil || *l.RTT < 0 || l.Addr == nil {
		return s, false
	}
	from, err := netip.ParseAddr(*l.Addr)
	kind, known := probe.ParseKind(l.Kind)
	mangled, fits := probe.ParseMangled(l.Mangled)
	s.RTT, s.From = time.Duration(*l.RTT), from
	s.Answer = board.Answer{
		Kind: kind, Code: l.Code, ReplyTTL: l.ReplyTTL, QuotedTTL: l.QuotedTTL, Rewritten: mangled, Weak: l.Weak, MTU: l.MTU,
	}
	for _, m := range l.MPLS {
		s.MPLS = append(s.MPLS, wire.Label(m))
	}
	return s, err == nil && known && fits
}

package atlas

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// Limits of one result. A value of three octets becomes a hundred times as much when it is decoded.
// A result of 255 TTLs with 16 probes each has less.
const (
	mostOctets = 4 << 20
	mostValues = 1 << 17 // by the commas between them
)

// Reader reads traces. It is used by one goroutine at a time.
type Reader struct {
	objects *format.Objects
	scan    scan
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader { return &Reader{objects: format.NewObjects(in, mostOctets)} }

// Read implements format.Reader. Late replies and copies are passed over, and so are results
// without an address, whose target had a name that could not be resolved.
func (r *Reader) Read() (record.Record, error) {
	for {
		object, err := r.objects.Next()
		if err != nil {
			return nil, err
		}
		t, err := r.parse(object)
		switch {
		case err != nil:
			return nil, r.objects.Fault(err)
		case t != nil:
			return t, nil
		}
	}
}

// parse returns the trace of a result, nil if it has no target.
func (r *Reader) parse(object []byte) (*record.Trace, error) {
	if bytes.Count(object, []byte(",")) > mostValues {
		return nil, fmt.Errorf("more than %d values in one result", mostValues)
	}
	l := r.scan.result(object)
	if l == nil {
		l = new(result)
		if err := json.Unmarshal(object, l); err != nil {
			return nil, err
		}
	}
	switch {
	case l.Type != "" && l.Type != "traceroute":
		return nil, fmt.Errorf("a result of type %q, not traceroute", l.Type)
	case !l.DstAddr.IsValid() && l.Result == nil:
		return nil, errors.New("not a traceroute result: it has no dst_addr and no result")
	case !l.DstAddr.IsValid():
		return nil, nil
	}
	return l.trace()
}

func (l *result) trace() (*record.Trace, error) {
	t := &record.Trace{
		Head:  record.Head{Target: probe.AddrFrom(l.DstAddr), Source: probe.AddrFrom(l.SrcAddr), Method: record.NoMethod, TOS: l.TOS},
		Start: min(max(l.Timestamp, 0), math.MaxUint32) * 1e9, Bare: true,
	}
	if m := slices.Index(protos[:], l.Proto); m >= 0 {
		t.Method = probe.Method(m)
	}
	if l.Size > 0 && l.Size <= math.MaxUint16 {
		t.ProbeSize = l.Size + headers(&t.Head)
	}
	t.FlowIndex = uint16(min(max(l.ParisID-1, 0), math.MaxUint16))
	replies := 0
	for i := range l.Result {
		replies += len(l.Result[i].Result)
	}
	t.Hops = make([]record.Hop, 0, replies)
	for i := range l.Result {
		if err := l.Result[i].add(t); err != nil {
			return nil, fmt.Errorf("hop %d: %w", l.Result[i].Hop, err)
		}
	}
	finish(t)
	return t, nil
}

// add adds the replies at a TTL to t.
func (l *hop) add(t *record.Trace) error {
	if l.Hop == 0 && l.Result == nil {
		return nil // an error before the first probe
	}
	if l.Hop < 1 || l.Hop > math.MaxUint8 {
		return errors.New("a TTL that is not from 1 to 255")
	}
	ttl, attempt := uint8(l.Hop), 0
	for i := range l.Result {
		p := &l.Result[i]
		if p.Late != nil || bool(p.Dup) || p.Error != "" {
			continue
		}
		if attempt > math.MaxUint8 {
			return errors.New("more than 256 replies")
		}
		t.ProbeCount++
		if !p.From.IsValid() {
			t.Silent = append(t.Silent, record.TTLAttempt{TTL: ttl, Attempt: uint8(attempt)})
		} else {
			h := record.Hop{}
			h.Target, h.Probe.Flow, h.TTL, h.Attempt = t.Target, t.FlowIndex, ttl, uint8(attempt)
			if err := p.fill(&t.Head, &h); err != nil {
				return err
			}
			t.Hops = append(t.Hops, h)
		}
		attempt++
	}
	if t.FirstTTL == 0 {
		t.FirstTTL = ttl
	}
	t.MaxTTL, t.Attempts = max(t.MaxTTL, ttl), max(t.Attempts, uint8(min(attempt, math.MaxUint8)))
	return nil
}

// fill fills in the reply of a packet. Results do not have the type of a message that reports
// nothing unreachable: it follows from the protocol if the target answered.
func (p *packet) fill(head *record.Head, h *record.Hop) error {
	is4 := head.Target.Is4()
	h.Responder, h.ReplyTTL, h.ReplyTOS = probe.AddrFrom(p.From), p.TTL, p.TOS
	h.Protocol = probe.ICMP.Protocol(is4)
	h.Lacks = record.LacksKind | record.LacksValid
	if p.RTT != nil && *p.RTT >= 0 && *p.RTT < 1e9 {
		h.RTT = int64(math.Round(*p.RTT * 1e6))
		h.Lacks |= record.LacksSent
	}
	pick := func(four, six uint8) uint8 { return [...]uint8{four, six}[family(is4)] }
	h.HasQuote, h.QuotedTTL, h.QuotedTOS = true, 1, p.ITOS
	if p.ITTL != nil {
		h.QuotedTTL = *p.ITTL
	}
	switch {
	case p.Err != "":
		n, ok := p.Err.number(is4)
		if !ok {
			return fmt.Errorf("err %q is not known", p.Err)
		}
		h.Type, h.Code = pick(type4Unreachable, type6Unreachable), n
	case p.MTU != nil:
		h.Type, h.Code, h.MTU = pick(type4Unreachable, type6TooBig), pick(code4FragNeeded, 0), *p.MTU
	case p.Flags != nil:
		h.Protocol, h.HasQuote, h.QuotedTTL, h.QuotedTOS = probe.ProtoTCP, false, 0, 0
		for i := range flagNames {
			if strings.Contains(*p.Flags, flagNames[i:i+1]) {
				h.TCPFlags |= 1 << i
			}
		}
	case h.Responder == head.Target && head.Method == probe.ICMP:
		h.Type, h.HasQuote, h.QuotedTTL, h.QuotedTOS = pick(type4EchoReply, type6EchoReply), false, 0, 0
	case h.Responder == head.Target && head.Method == probe.UDP:
		h.Type, h.Code = pick(type4Unreachable, type6Unreachable), pick(code4Port, code6Port)
	default:
		h.Type = pick(type4TimeExceeded, type6TimeExceeded)
	}
	if p.Size > 0 && p.Size <= math.MaxUint16 {
		h.ReplySize = uint32(p.Size + replyHeaders(is4, h.Protocol))
	}
	var err error
	h.Ext, err = p.Ext.structure()
	return err
}

// structure returns the extension structure with the label stacks, nil if there are none.
func (x *extension) structure() ([]byte, error) {
	if x == nil {
		return nil, nil
	}
	var objects []wire.Object
	for _, o := range x.Objects {
		var stack []byte
		for _, l := range o.MPLS {
			if l.Label >= 1<<20 || l.EXP > 7 || l.S > 1 {
				return nil, fmt.Errorf("mpls: label %d, exp %d, s %d are no label", l.Label, l.EXP, l.S)
			}
			stack = wire.Label{Label: l.Label, EXP: l.EXP, S: l.S, TTL: l.TTL}.AppendTo(stack)
		}
		if stack != nil && len(stack) < math.MaxUint16-4 && o.Class == wire.ClassMPLS {
			objects = append(objects, wire.Object{Class: o.Class, CType: o.Type, Payload: stack})
		}
	}
	if objects == nil {
		return nil, nil
	}
	return wire.AppendExtension(nil, objects...), nil
}

// finish puts the hops in order, and infers how the trace ended.
func finish(t *record.Trace) {
	slices.SortStableFunc(t.Hops, func(a, b record.Hop) int {
		return (int(a.TTL)<<8 | int(a.Attempt)) - (int(b.TTL)<<8 | int(b.Attempt))
	})
	slices.SortStableFunc(t.Silent, func(a, b record.TTLAttempt) int {
		return (int(a.TTL)<<8 | int(a.Attempt)) - (int(b.TTL)<<8 | int(b.Attempt))
	})
	for i := range t.Hops {
		h := &t.Hops[i]
		unreachable := h.Type == type4Unreachable && h.Protocol == probe.ProtoICMP && h.Code != code4Port && h.Code != code4FragNeeded ||
			h.Type == type6Unreachable && h.Protocol == probe.ProtoICMPv6 && h.Code != code6Port
		switch {
		case h.Responder == t.Target && !unreachable:
			t.StopReason, t.StopData, t.Reached = record.StopCompleted, 0, true
		case unreachable && !t.Reached:
			t.StopReason, t.StopData = record.StopUnreach, h.Code
		}
	}
	if n := len(t.Hops); n > 0 {
		t.End = t.Hops[n-1].TTL
	}
	if n := len(t.Silent); n > 0 && t.StopReason == record.StopNone && t.Silent[n-1].TTL > t.End {
		t.StopReason = record.StopGapLimit
	}
}

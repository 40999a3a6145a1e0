package ndjson

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// ranges checks that numbers fit into the fields of values. The first that does not is
// the error.
type ranges struct{ err error }

func (r *ranges) octet(key string, v int) uint8 {
	if (v < 0 || v > math.MaxUint8) && r.err == nil {
		r.err = fmt.Errorf("%s is %d, which is not from 0 to 255", key, v)
	}
	return uint8(v)
}

// trace returns the trace of a line; it is Bare.
func (l *TraceLine) trace() (*record.Trace, error) {
	var r ranges
	t := &record.Trace{
		FirstTTL: r.octet("firsthop", l.FirstHop), MaxTTL: r.octet("hoplimit", l.HopLimit), Attempts: r.octet("attempts", l.Attempts),
		Wait:  time.Duration(min(max(l.Wait, 0), math.MaxUint16) * float64(time.Second)),
		Start: l.Start.ns(), ProbeCount: l.ProbeCount, Bare: true,
	}
	t.Head = record.Head{
		Target: probe.AddrFrom(l.Dst), Source: probe.AddrFrom(l.Src), ProbeSize: l.ProbeSize, TOS: r.octet("tos", l.TOS),
		Flow: probe.Flow{Value: l.SrcPort}, DstPort: l.DstPort,
	}
	if l.UserID >= 0 && l.UserID <= math.MaxUint16 { // scamper's may be any number
		t.FlowIndex = uint16(l.UserID)
	}
	t.Method = methodOf(l.Method)
	if t.Method == probe.ICMP {
		t.Flow.Value = l.ICMPSum
	}
	if l.Method == "udp" { // the first traceroute's way: each probe has another port
		t.DstPort = 0
	}
	t.StopReason, _ = record.ParseStopReason(l.StopReason)
	t.StopData, t.End = r.octet("stop_data", l.StopData), r.octet("hop_count", l.HopCount)
	t.Reached = t.StopReason == record.StopCompleted
	for i := range l.Hops {
		h := &l.Hops[i]
		if h.Inferred {
			if err := h.inferred(t); err != nil {
				return nil, err
			}
			continue
		}
		if t.Hops == nil {
			t.Hops = make([]record.Hop, 0, len(l.Hops)-i)
		}
		t.Hops = append(t.Hops, record.Hop{})
		if err := h.hop(&t.Head, &t.Hops[len(t.Hops)-1]); err != nil {
			return nil, fmt.Errorf("hop at TTL %d: %w", h.ProbeTTL, err)
		}
	}
	return t, r.err
}

// inferred adds a hop that other traces have.
func (l *HopLine) inferred(t *record.Trace) error {
	n, err := l.annotation()
	if err != nil {
		return fmt.Errorf("inferred hop at TTL %d: %w", l.ProbeTTL, err)
	}
	t.AddInferred(record.Interface{TTL: l.ProbeTTL, Addr: probe.AddrFrom(l.Addr)}, n)
	return nil
}

// ns returns the time in ns since the Unix epoch.
func (t *Time) ns() int64 { return t.Sec*1e9 + t.USec*1e3 }

// methodOf returns the method that scamper has another name for. Its other ways of the
// same protocol are the method, too.
func methodOf(name string) probe.Method {
	for m, known := range scamperMethods {
		if known == name {
			return probe.Method(m)
		}
	}
	for m, protocol := range map[probe.Method]string{probe.UDP: "udp", probe.TCPSYN: "tcp", probe.ICMP: "icmp"} {
		if strings.HasPrefix(name, protocol) {
			return m
		}
	}
	return record.NoMethod
}

// hop fills h, a hop of a trace of head.
func (l *HopLine) hop(head *record.Head, h *record.Hop) error {
	h.Target, h.Probe.Flow, h.TTL = head.Target, head.FlowIndex, l.ProbeTTL
	h.Responder, h.ReplyTTL, h.ReplyTOS, h.ReplySize = probe.AddrFrom(l.Addr), l.ReplyTTL, l.ReplyTOS, l.ReplySize
	if l.ReplyIPID >= 0 && l.ReplyIPID <= math.MaxUint16 {
		h.ReplyID = uint16(l.ReplyIPID)
	}
	h.MTU, h.Lagged = max(l.MTU, l.MTUColon), l.Lagged
	if err := l.attempt(h); err != nil {
		return err
	}
	switch {
	case l.TCPFlags != nil:
		h.Protocol, h.TCPFlags = probe.ProtoTCP, *l.TCPFlags
	case l.ICMPType != nil:
		h.Protocol, h.Type = probe.ICMP.Protocol(head.Target.Is4()), *l.ICMPType
	default:
		h.Protocol = probe.ProtoUDP
	}
	if l.ICMPCode != nil {
		h.Code = *l.ICMPCode
	}
	if l.QuotedTTL != nil {
		h.HasQuote, h.QuotedTTL = true, *l.QuotedTTL
		if l.QuotedLen != nil {
			h.QuotedSize = uint32(*l.QuotedLen)
		}
		if l.QuotedTOS != nil {
			h.QuotedTOS = *l.QuotedTOS
		}
	}
	l.times(h)
	if err := verdict(h, l.Kind, l.Valid, l.Mangled); err != nil {
		return err
	}
	var err error
	if h.Annotation, err = l.annotation(); err != nil {
		return err
	}
	h.Ext, err = l.ext()
	return err
}

// attempt fills in the attempt, which counts from 1 in records.
func (l *HopLine) attempt(h *record.Hop) error {
	if l.ProbeID == nil {
		h.Lacks |= record.LacksAttempt
		return nil
	}
	id := *l.ProbeID
	if id > 0 {
		id--
	}
	var r ranges
	h.Attempt = r.octet("probe_id", id)
	return r.err
}

// times fills in when the probe left and its round-trip time, and when the reply came if
// both are known.
func (l *HopLine) times(h *record.Hop) {
	if l.Tx != nil {
		h.Sent = l.Tx.ns()
	}
	switch {
	case l.RTTNs != nil:
		h.RTT = *l.RTTNs
	case l.RTT != nil:
		h.RTT = int64(math.Round(*l.RTT * 1e6))
	default:
		return
	}
	if h.Sent != 0 {
		h.Stamp = h.Sent + h.RTT
	} else {
		h.Lacks |= record.LacksSent
	}
}

// verdict fills in the kind of a reply and how sure it is. Kinds that are not known are
// other ones, as newer versions may have more.
func verdict(h *record.Hop, kind, valid string, mangled []string) error {
	if kind == "" {
		h.Lacks |= record.LacksKind
	}
	h.Kind, _ = probe.ParseKind(kind)
	if valid == "" {
		h.Lacks |= record.LacksValid
		return nil
	}
	var ok bool
	if h.Valid, ok = probe.ParseValidity(valid); !ok {
		return fmt.Errorf("valid %q is not known", valid)
	}
	if h.Mangled, ok = probe.ParseMangled(mangled); !ok {
		return fmt.Errorf("mangled %q is not known", mangled)
	}
	return nil
}

// fill adds the fields of a trace-ext record to the trace, which is not Bare any more.
// After an error the trace is as it was.
func (l *ExtLine) fill(t *record.Trace) error {
	var r ranges
	full := *t
	if err := l.fillPath(&full, &r); err != nil {
		return err
	}
	if l.PathHash == "" && (l.Target != nil || l.ASPath != nil) { // of a trace that is Bare
		if r.err == nil {
			*t = full
		}
		return r.err
	}
	full.Bare, full.Reached, full.Distance = false, l.Reached, r.octet("dst_ttl", l.DstTTL)
	full.ProbeCount, full.Answered = l.Loss.Sent, l.Loss.Answered
	if l.Met != nil {
		full.Met = record.Interface{TTL: r.octet("lss.ttl", l.Met.TTL), Addr: probe.AddrFrom(l.Met.Addr)}
	}
	if l.NAT != nil {
		full.NATFirstTTL = r.octet("nat.first_ttl", l.NAT.FirstTTL)
	}
	full.Silent = slices.Grow(full.Silent, len(l.NoReply))
	for _, s := range l.NoReply {
		full.Silent = append(full.Silent, record.TTLAttempt{TTL: r.octet("no_reply", s[0]), Attempt: r.octet("no_reply", s[1])})
	}
	for _, s := range l.Loops {
		full.Loops = append(full.Loops, record.Loop{First: r.octet("loops", s[0]), Again: r.octet("loops", s[1])})
	}
	for _, ttl := range l.RateLimited {
		full.RateLimited = append(full.RateLimited, r.octet("rate_limited_ttls", ttl))
	}
	for _, ttl := range l.UnderDrops {
		full.UnderDrops = append(full.UnderDrops, r.octet("kernel_drop_ttls", ttl))
	}
	for _, ttl := range l.Contested {
		full.Contested = append(full.Contested, r.octet("contested", ttl))
	}
	for _, ttl := range l.Withheld {
		full.Withheld = append(full.Withheld, r.octet("withheld", ttl))
	}
	var err error
	if full.PathHash, err = strconv.ParseUint(l.PathHash, 16, 64); err != nil && l.PathHash != "" {
		return errors.Join(r.err, fmt.Errorf("path_hash %q is not a hash", l.PathHash))
	}
	if r.err == nil {
		*t = full
	}
	return r.err
}

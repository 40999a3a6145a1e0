package record

import (
	"time"

	"github.com/masstrace/masstrace/internal/probe"
)

// NoMethod is the method in a Head that was read from a file without one.
const NoMethod = probe.Method(0xff)

// MethodOf returns the method whose probes are of an IP protocol, TCPSYN for TCP, and
// NoMethod if there is none.
func MethodOf(protocol uint8) probe.Method {
	switch protocol {
	case probe.ProtoUDP:
		return probe.UDP
	case probe.ProtoICMP, probe.ProtoICMPv6:
		return probe.ICMP
	case probe.ProtoTCP:
		return probe.TCPSYN
	}
	return NoMethod
}

// Head has the common header fields of all probes of one trace, except attempts and TTLs.
// Files of other tools lack some of it: a Method is then NoMethod, a Flow.Value 0, which no
// flow has, and the rest 0 too.
type Head struct {
	Target    probe.Addr
	Source    probe.Addr // the vantage point's address
	Method    probe.Method
	FlowIndex uint16
	Flow      probe.Flow
	DstPort   uint16 // UDP and TCP; 0 for ICMP, and where each probe has another one
	TOS       uint8  // TOS or traffic class as sent
	ProbeSize int    // octets of each probe, from its IP header on
	// QuotedProtocol is the IP protocol of a quoted packet that is no probe, with NoMethod.
	QuotedProtocol uint8
}

// Hop is the content of one reply at a TTL.
type Hop struct {
	probe.Reply

	// Sent is when the probe left, ns since the Unix epoch, CLOCK_REALTIME; 0
	// when that is not known: of late replies and of replayed ones.
	Sent int64
	// RTT is in ns. HasRTT reports whether it is known.
	RTT int64
	// Dup counts the copies of the reply that came before this one: 0 is the
	// first, and a trace has only first ones.
	Dup int
	// Late is set if the reply came after the window of the probe was closed.
	Late bool
	// Lagged is set if the RTT may include delays of this machine: it was slow to
	// send the probe, or to take the reply.
	Lagged bool
	// Superseded is set if a later reply to the same probe proves more.
	Superseded bool
	// Withheld is set if too little speaks for the reply, so that it is no hop.
	Withheld bool
	// Alone is set in a hop that rests on one tag: it does not decide where the trace ends.
	Alone bool
	// Lacks are the fields that were not in the file that the hop was read from.
	Lacks Lacks
	// Annotation has the entries of databases for the responder; nil if there are none.
	Annotation *Annotation
}

// HasRTT reports whether the RTT is known. The hops of our own runs have one if they
// have the time of the probe.
func (h *Hop) HasRTT() bool { return h.Sent != 0 || h.Lacks.Has(LacksSent) }

// Lacks is a set of fields that a file of another tool does not have. It is empty for
// every hop that our own runs measured, so that the assembler need not set it. Other
// fields have a value for "not known": addresses, sizes and ReplyTTL are 0, and a
// quotation is known if HasQuote is set.
type Lacks uint8

// The fields.
const (
	LacksSent    Lacks = 1 << iota // Sent is not known, and RTT is
	LacksAttempt                   // Attempt
	LacksKind                      // Kind
	LacksValid                     // Valid and Mangled
	LacksExt                       // Ext: the tool does not record extensions
)

// Has reports whether all of fields are lacking.
func (l Lacks) Has(fields Lacks) bool { return l&fields == fields }

// TTLAttempt names one probe within a trace.
type TTLAttempt struct {
	TTL, Attempt uint8
}

// Loop is a router that answered at two TTLs with something else in between.
type Loop struct {
	First, Again uint8 // TTLs, First + 1 < Again
}

// Interface is an interface that other traces have seen at the same TTL.
type Interface struct {
	TTL  uint8
	Addr probe.Addr
}

// Trace is one vantage point's hops to one target over one flow. The assembler
// fills everything above the result; Close fills the result.
//
// A Trace is used by one goroutine at a time. The Ext fields of its hops alias
// the window that it was assembled from, and are valid as long as that is.
type Trace struct {
	Head

	FirstTTL uint8 // lowest requested TTL
	MaxTTL   uint8 // highest requested TTL (scamper: hoplimit)
	Attempts uint8 // requested attempts at each TTL, at least 1
	Wait     time.Duration
	// FirstHop is the TTL of the first probe, where a trace begins somewhere on the
	// path and not at FirstTTL; else 0.
	FirstHop uint8
	// GapLimit is the number of silent TTLs in a row after which the strategy ends a
	// trace; sometimes it ends it earlier. 0 is no limit.
	GapLimit int
	// Met is the meeting point of the way back with other traces; TTL 0 is nowhere. TTLs
	// below were not probed.
	Met Interface
	// Joined is set if the path met that of another vantage point, which goes on to the target. TTLs
	// beyond were not probed.
	Joined bool
	// Inferred are routers below Met, at TTLs that were not probed, as other traces
	// through Met have them. Ascending.
	Inferred []Interface
	// InferredAnnotations are those of the addresses of Inferred, in the same order; empty if the
	// trace is not annotated.
	InferredAnnotations []*Annotation

	Start      int64 // when the first probe left, ns since the Unix epoch
	ProbeCount int   // probes sent
	Answered   int   // probes sent that have a first reply in time

	// Hops are the first replies, by ascending TTL, then attempt. Close cuts
	// off those above End.
	Hops []Hop
	// Silent are the probes that were sent and not answered, in the same order.
	// ProbeCount = Answered + len(Silent), which Close does not change.
	Silent []TTLAttempt
	// RateLimited are the TTLs of silent probes whose router limits its answer rate,
	// judging by other traces of the same time. Ascending.
	RateLimited []uint8
	// UnderDrops are the TTLs of silent probes during whose wait the kernel dropped
	// received frames, perhaps their replies. Ascending.
	UnderDrops []uint8
	// Contested are the TTLs at which several sources sent equally good replies to one
	// probe. The first of them is the hop, unless each has one tag only. Ascending.
	Contested []uint8
	// Withheld are the TTLs with a reply that is no hop, because too little speaks for it.
	// Ascending.
	Withheld []uint8
	// Touched is set if the target gave an answer that shows no hop: a
	// udp_reply, a pure_ack, a syn_ack that repeats an answered tag.
	Touched bool
	// Halted is set if the run was stopped before the last reply of the trace could
	// come. CutOff is set if the target was excluded before.
	Halted, CutOff bool

	// TargetAnnotation has the entries of databases for the target; nil if there are none. ASPath are the
	// autonomous systems on the path, by ascending TTL; empty if the trace is not annotated.
	TargetAnnotation *Annotation
	ASPath           []PathPart

	// Bare is set if the trace was read from a file that has nothing but its hops and its
	// stop reason, as scamper's. Answered, Silent and all fields that follow are not known
	// then.
	Bare bool

	Result

	// Judged is why the trace ends where it ends; see package verdict.
	Judged Judgement
}

// Result is the result of Close for a trace.
type Result struct {
	StopReason StopReason
	StopData   uint8 // ICMP code of StopUnreach, type of StopICMP, errno of StopError; else 0
	// End is the last TTL that belongs to the trace (scamper: hop_count).
	End uint8
	// Reached is set if the target answered, also without a TTL.
	Reached bool
	// Distance is the TTL with which a probe just reaches the target: 0 when
	// that is not known.
	Distance uint8
	// NATFirstTTL is the lowest TTL whose reply quotes the probe with its source, checksum
	// or an identification rewritten: 0 when none does. The middlebox sits before that TTL,
	// or is a router that quotes badly.
	NATFirstTTL uint8
	// PathHash is the same for two traces that saw the same responders at the
	// same TTLs; see hashPath.
	PathHash uint64
	// Loops are in order of Again.
	Loops []Loop
}

// Reset empties t and keeps the room of its slices.
func (t *Trace) Reset() {
	contested, withheld := t.Contested[:0], t.Withheld[:0]
	annotations, path := t.InferredAnnotations[:0], t.ASPath[:0]
	hops, silent, limited, loops := t.Hops[:0], t.Silent[:0], t.RateLimited[:0], t.Loops[:0]
	conditions := t.Judged.Conditions[:0]
	*t = Trace{Hops: hops, Silent: silent, RateLimited: limited, UnderDrops: t.UnderDrops[:0], Inferred: t.Inferred[:0]}
	t.Contested, t.Withheld = contested, withheld
	t.Loops = loops
	t.Judged.Conditions = conditions
	t.InferredAnnotations, t.ASPath = annotations, path
}

// StopReason is the reason for the end of a trace.
type StopReason uint8

// The stop reasons, as scamper has them.
const (
	StopNone      StopReason = iota
	StopCompleted            // the target answered
	StopUnreach              // a router reported it unreachable
	StopGapLimit             // too many silent TTLs in a row
	StopHopLimit             // the last TTL was probed
	StopLoop
	StopGSS    // met earlier traces (global stop set)
	StopHalted // the run was stopped
	StopICMP   // another ICMP message than unreachable; scamper's
	StopError  // the probe could not be sent; scamper's
)

var stopReasonNames = [...]string{
	StopNone:      "NONE",
	StopCompleted: "COMPLETED",
	StopUnreach:   "UNREACH",
	StopGapLimit:  "GAPLIMIT",
	StopHopLimit:  "HOPLIMIT",
	StopLoop:      "LOOP",
	StopGSS:       "GSS",
	StopHalted:    "HALTED",
	StopICMP:      "ICMP",
	StopError:     "ERROR",
}

// String returns the name in records, which is scamper's.
func (s StopReason) String() string {
	if int(s) < len(stopReasonNames) {
		return stopReasonNames[s]
	}
	return "NONE"
}

// ParseStopReason is the inverse of String; ok is false for an unknown name.
func ParseStopReason(s string) (reason StopReason, ok bool) {
	for i, name := range stopReasonNames {
		if name == s {
			return StopReason(i), true
		}
	}
	return StopNone, false
}

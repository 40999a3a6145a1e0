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

// Head is what all probes of one trace have in common, attempts and TTLs apart. Files
// of other tools lack some of it: a Method is then NoMethod, a Flow.Value 0, which no
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
}

// Hop is what one reply showed at a TTL.
type Hop struct {
	probe.Reply

	// Sent is when the probe left, ns since the Unix epoch, CLOCK_REALTIME; 0
	// when that is not known: of late replies and of replayed ones.
	Sent int64
	// RTT is in ns. HasRTT reports whether it is known.
	RTT int64
	// Dup counts the copies of the reply that came before this one: 0 is the
	// first, and only first ones stand in a trace.
	Dup int
	// Late says that the window of the probe was closed before the reply came.
	Late bool
	// Lagged says that this machine may have a part in the RTT: it was slow to
	// send the probe, or to take the reply.
	Lagged bool
	// Lacks are the fields that were not in the file that the hop was read from.
	Lacks Lacks
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

	FirstTTL uint8 // lowest TTL asked for
	MaxTTL   uint8 // highest TTL asked for (scamper: hoplimit)
	Attempts uint8 // attempts asked for at each TTL, at least 1
	Wait     time.Duration
	// FirstHop is the TTL of the first probe, where a trace begins somewhere on the
	// path and not at FirstTTL; else 0.
	FirstHop uint8
	// GapLimit says that the strategy ends traces at TTLs that are silent: so many
	// in a row, or fewer where it knows. 0 if it does not.
	GapLimit int
	// Met is where the way back met what other traces know; TTL 0 is nowhere.
	// What is below was not probed.
	Met Interface
	// Inferred are routers below Met, at TTLs that were not probed, as other traces
	// through Met have them. Ascending.
	Inferred []Interface

	Start      int64 // when the first probe left, ns since the Unix epoch
	ProbeCount int   // probes sent
	Answered   int   // probes sent that have a first reply in time

	// Hops are the first replies, by ascending TTL, then attempt. Close cuts
	// off those above End.
	Hops []Hop
	// Silent are the probes that were sent and not answered, in the same order.
	// ProbeCount = Answered + len(Silent), which Close does not change.
	Silent []TTLAttempt
	// RateLimited are the TTLs of silent probes whose responder, as far as the
	// traces of the same time tell, limits the rate of its answers. Ascending.
	RateLimited []uint8
	// UnderDrops are the TTLs of silent probes during whose wait the kernel dropped
	// received frames, perhaps their replies. Ascending.
	UnderDrops []uint8
	// Touched says that the target gave an answer that shows no hop: a
	// udp_reply, a pure_ack, a syn_ack that repeats an answered tag.
	Touched bool
	// Halted says that the run was stopped before all probes of the trace were
	// sent and waited for, CutOff that the target was excluded before.
	Halted, CutOff bool

	// Bare is set if the trace was read from a file that has nothing but its hops and its
	// stop reason, as scamper's. Answered, Silent and all fields that follow are not known
	// then.
	Bare bool

	Result
}

// Result is what Close makes of a trace.
type Result struct {
	StopReason StopReason
	StopData   uint8 // ICMP code of StopUnreach, else 0
	// End is the last TTL that belongs to the trace (scamper: hop_count).
	End uint8
	// Reached says that the target answered, in whatever way.
	Reached bool
	// Distance is the TTL with which a probe just reaches the target: 0 when
	// that is not known.
	Distance uint8
	// NATFirstTTL is the lowest TTL whose reply quotes the probe with its
	// source, checksum or an identification rewritten: 0 when none does. What
	// rewrote it sits before that TTL, or is a router that quotes badly.
	NATFirstTTL uint8
	// PathHash is the same for two traces that saw the same responders at the
	// same TTLs; see hashPath.
	PathHash uint64
	// Loops are in order of Again.
	Loops []Loop
}

// Reset empties t and keeps the room of its slices.
func (t *Trace) Reset() {
	hops, silent, limited, loops := t.Hops[:0], t.Silent[:0], t.RateLimited[:0], t.Loops[:0]
	*t = Trace{Hops: hops, Silent: silent, RateLimited: limited, UnderDrops: t.UnderDrops[:0], Inferred: t.Inferred[:0]}
	t.Loops = loops
}

// StopReason says why a trace ends where it ends.
type StopReason uint8

// The stop reasons, as scamper has them.
const (
	StopNone      StopReason = iota
	StopCompleted            // the target answered
	StopUnreach              // a router said that it cannot be reached
	StopGapLimit             // too many silent TTLs in a row
	StopHopLimit             // the last TTL was probed
	StopLoop
	StopGSS    // met what earlier traces know (global stop set)
	StopHalted // the run was stopped
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
}

// String returns the name that stands in records, which is scamper's.
func (s StopReason) String() string {
	if int(s) < len(stopReasonNames) {
		return stopReasonNames[s]
	}
	return "NONE"
}

// ParseStopReason is the inverse of String; ok is false for a name it does not
// know, such as those that only scamper uses.
func ParseStopReason(s string) (reason StopReason, ok bool) {
	for i, name := range stopReasonNames {
		if name == s {
			return StopReason(i), true
		}
	}
	return StopNone, false
}

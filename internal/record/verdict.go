package record

import (
	"fmt"

	"github.com/masstrace/masstrace/internal/probe"
)

// Verdict is why a trace ends where it ends. Each trace has one at most.
type Verdict uint8

// The verdicts.
const (
	NotJudged          Verdict = iota // the file has no verdict
	VerdictReached                    // the target answered
	VerdictFiltered                   // a firewall reports it, or another method passes
	VerdictHostSilent                 // the path is alive to a router of the target's own prefix
	VerdictUnreachable                // a router reports it
	VerdictLoop                       // routers send the probes around
	VerdictNoPath                     // silence from a router of other prefixes on
	VerdictUndecided                  // the answers are too few to decide

	NumVerdicts // NotJudged counts as one
)

var verdictNames = []string{
	VerdictReached: "reached", VerdictFiltered: "filtered", VerdictHostSilent: "host_silent",
	VerdictUnreachable: "unreachable", VerdictLoop: "loop", VerdictNoPath: "no_path",
	VerdictUndecided: "undecided",
}

// Verdicts are all verdicts that a trace can have, in the order of their values.
func Verdicts() []Verdict {
	list := make([]Verdict, 0, NumVerdicts)
	for v := VerdictReached; v < NumVerdicts; v++ {
		list = append(list, v)
	}
	return list
}

// String returns the name in records, "" of NotJudged.
func (v Verdict) String() string { return nameOf(verdictNames, int(v)) }

// ParseVerdict is the inverse of String; "" is NotJudged.
func ParseVerdict(s string) (Verdict, error) { return parseName[Verdict](verdictNames, "verdict", s) }

// Basis is the rule that led to a verdict.
type Basis uint8

// The bases.
const (
	NoBasis           Basis = iota
	BasisAnswer             // the target answered
	BasisReport             // a router or a firewall reports it
	BasisRepeat             // a router answers again, further on
	BasisLastRouter         // the last router answers right before a target of the same prefix
	BasisOwnRouter          // the last router is on paths to no other prefix, routers before it are
	BasisSharedRouter       // the last router is on paths to other prefixes
	BasisNoRouter           // no router answers
	BasisOtherMethod        // another method passes
	BasisFewProbes          // too few probes were silent beyond the last router
	BasisOurLoss            // this machine may have lost the replies
	BasisWithheld           // too little speaks for a reply beyond the last router
	BasisStopped            // the trace was stopped before its end
	BasisLastTTL            // routers answer up to the last TTL
	BasisUnknown            // nothing is known about the last router
)

var basisNames = []string{
	BasisAnswer: "answer", BasisReport: "report", BasisRepeat: "repeat", BasisLastRouter: "last_router",
	BasisOwnRouter: "own_router", BasisSharedRouter: "shared_router", BasisNoRouter: "no_router",
	BasisOtherMethod: "other_method", BasisFewProbes: "few_probes", BasisOurLoss: "our_loss",
	BasisWithheld: "withheld", BasisStopped: "stopped", BasisLastTTL: "last_ttl", BasisUnknown: "unknown_router",
}

// BasisNames are the names of all bases in records.
func BasisNames() []string { return basisNames[1:] }

// String returns the name in records, "" of NoBasis.
func (b Basis) String() string { return nameOf(basisNames, int(b)) }

// ParseBasis is the inverse of String; "" is NoBasis.
func ParseBasis(s string) (Basis, error) { return parseName[Basis](basisNames, "basis", s) }

// Judgement is a verdict with its evidence. Fields that do not apply are 0.
type Judgement struct {
	Verdict Verdict
	Basis   Basis
	// TTL and Addr are those of the answer that decided. It is the target's, a report, or that of the
	// last router before silence. In a loop it is that of the first router, which answers again at
	// AgainTTL.
	TTL, AgainTTL uint8
	Addr          probe.Addr
	// Kind and Code are those of this answer. They are known if HasKind is set.
	Kind    probe.Kind
	HasKind bool
	Code    uint8
	Replies int // answers from Addr that agree with the first one
	Silent  int // probes without an answer at higher TTLs
	// Asked and Passed are set with BasisOtherMethod: the method and port that the verdict is about, which
	// end after Addr, and those that pass.
	Asked, Passed Asked
	Conditions    []Condition
}

// Asked is a method with its destination port, 0 if it has none.
type Asked struct {
	Method probe.Method
	Port   uint16
}

// String returns the method, and the port if there is one.
func (a Asked) String() string {
	if a.Port == 0 {
		return a.Method.String()
	}
	return fmt.Sprintf("%s to port %d", a.Method, a.Port)
}

// ConditionKind is a fault on the way, beside the verdict.
type ConditionKind uint8

// The conditions.
const (
	NoCondition ConditionKind = iota
	RateLimited               // a router limits its answers
	Lossy                     // packets are lost from a TTL on up to the target
	PathMTU                   // a router reports that the probe is too large
	OurLoss                   // this machine may have lost replies

	NumConditions // NoCondition counts as one
)

var conditionNames = []string{RateLimited: "rate_limited", Lossy: "lossy", PathMTU: "path_mtu", OurLoss: "our_loss"}

// String returns the name in records.
func (k ConditionKind) String() string { return nameOf(conditionNames, int(k)) }

// ParseCondition is the inverse of String.
func ParseCondition(s string) (ConditionKind, error) {
	return parseName[ConditionKind](conditionNames, "condition", s)
}

// Condition is a fault on the way, with its evidence.
type Condition struct {
	Kind ConditionKind
	// FirstTTL and LastTTL bound the TTLs of the evidence.
	FirstTTL, LastTTL uint8
	// Addr is the router that limits its answers, or reports the size; zero if it is not known.
	Addr   probe.Addr
	Probes int    // sent at these TTLs
	Silent int    // those of them without an answer
	MTU    uint32 // in octets, as the router reports it; 0 if it does not
}

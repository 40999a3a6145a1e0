package record

import "github.com/masstrace/masstrace/internal/probe"

// PathChange is a change of the paths to some targets, which happened at one place at one time.
// Times are ns since the Unix epoch.
type PathChange struct {
	// Number counts the events of a measurement, from 1. Targets that were found later have a record
	// of their own with the same number.
	Number uint64
	Kind   ChangeKind
	Time   int64 // when it became certain
	// NotBefore and NotAfter are the bounds of when it happened: a probe showed the path before, and
	// a later probe showed the path after.
	NotBefore, NotAfter int64
	Confidence          float64 // probability that Kind is right

	Target probe.Addr // that was examined
	Source probe.Addr // the vantage point's address
	Method probe.Method
	// TTL is that of the first hop that differs; Old and New answered there.
	TTL      uint8
	Old, New probe.Addr
	// Before and After are the hops of Target that differ, and a common hop on each side. A hop
	// without an answer has the zero address.
	Before, After []Node
	// Reached is set if the target answers after the change.
	Reached bool

	Affected int          // targets whose paths changed
	Targets  []probe.Addr // those of them that are listed, Target first
	Flows    int          // further flows of Target that were asked at TTL
	Probes   int          // sent to find out
}

// ChangeKind is the kind of a PathChange.
type ChangeKind uint8

// The kinds.
const (
	UnclearChange  ChangeKind = iota // the path is another one; too little shows why
	RouteChange                      // the old hop is on no path any more
	BalancerChange                   // a load balancer sends flows or destinations to other branches
)

var changeKinds = [...]string{"unclear", "route", "balancer"}

// String returns the name in records.
func (k ChangeKind) String() string { return changeKinds[k] }

// ParseChangeKind is the inverse of String; ok is false for an unknown name.
func ParseChangeKind(s string) (k ChangeKind, ok bool) {
	for i, name := range changeKinds {
		if name == s {
			return ChangeKind(i), true
		}
	}
	return 0, false
}

package record

import (
	"fmt"
	"iter"

	"github.com/masstrace/masstrace/internal/probe"
)

// Multipath has all the paths to one target that a scan with strategy multipath found. It is one
// record for each target, even if nothing answered.
//
// A Multipath is used by one goroutine at a time. Reset empties it and keeps its room.
type Multipath struct {
	Target probe.Addr
	Source probe.Addr // the vantage point's address
	Method probe.Method
	MDA    MDA
	Start  int64 // when the first probe left, ns since the Unix epoch
	Probes int   // probes sent
	// Remapped is the number of flows that a balancer sent another way when they were asked
	// again.
	Remapped int
	// Unfinished is set if the search ended before its stopping rule was met everywhere: the run
	// was stopped, or the most probes were sent.
	Unfinished bool

	Nodes     []Node     // by TTL, then address
	Links     []Link     // by TTL, then near end, then far end; an end without an address comes first
	Balancers []Balancer // by TTL, then address
}

// Node is an address at a TTL: a router, the target at each TTL at which some flow first reaches
// it, or the router that reports it unreachable.
type Node struct {
	TTL   uint8
	Addr  probe.Addr
	Flows int // flows that it answered
	// Borrowed is set if fewer flows were asked here than the stopping rule takes, because other
	// targets have shown the branches of the node.
	Borrowed bool
}

// Link is two answers of one flow at adjacent TTLs. The zero address is an end that did not
// answer. Near may equal Far.
type Link struct {
	TTL       uint8 // of the near end
	Near, Far probe.Addr
	Flows     int // flows that took the link
	// Dt is the time between the two probes, of the flow in which it is shortest, in ns.
	Dt int64
	// Remapped is set if only flows that moved took the link: it may not exist.
	Remapped bool
}

// Balancer is a node with several next hops.
type Balancer struct {
	TTL       uint8
	Addr      probe.Addr
	Width     int // next hops found
	Length    int // TTLs from the balancer to the node where its branches join again; 0: nowhere
	Asymmetry int // longest branch − shortest branch, in TTLs
	Kind      BalancerKind
	Asked     int // flows through the node that were asked at the next TTL
	Answered  int // those of them that were answered
	// Confidence is the probability that a balancer with one branch more would have shown it.
	Confidence float64
	State      BalancerState
	// HashFields are the header fields that decide the branch, if they were examined.
	HashFields HashFields
	Borrowed   bool // see Node
}

// Reset empties m and keeps the room of its slices.
func (m *Multipath) Reset() {
	*m = Multipath{Nodes: m.Nodes[:0], Links: m.Links[:0], Balancers: m.Balancers[:0]}
}

// MDA is the variant of the multipath detection algorithm that found the paths to a target.
type MDA uint8

// The variants.
const (
	Lite MDA = iota // flows are counted at a TTL
	Full            // flows are counted at a node
)

// String returns the name in records.
func (m MDA) String() string { return nameOf(mdaNames, int(m)) }

// ParseMDA is the inverse of String.
func ParseMDA(s string) (MDA, error) { return parseName[MDA](mdaNames, "variant", s) }

var mdaNames = []string{Lite: "lite", Full: "full"}

// BalancerKind is what a balancer keeps together.
type BalancerKind uint8

// The kinds.
const (
	PerFlow        BalancerKind = iota // the packets of a flow take one branch
	PerPacket                          // each packet may take another
	PerDestination                     // the packets to a destination take one branch
)

// String returns the name in records.
func (k BalancerKind) String() string { return nameOf(balancerKinds, int(k)) }

// ParseBalancerKind is the inverse of String.
func ParseBalancerKind(s string) (BalancerKind, error) {
	return parseName[BalancerKind](balancerKinds, "kind of balancer", s)
}

var balancerKinds = []string{PerFlow: "flow", PerPacket: "packet", PerDestination: "destination"}

// BalancerState is how the search at a balancer ended.
type BalancerState uint8

// The states.
const (
	BalancerComplete   BalancerState = iota // the stopping rule is met
	BalancerLimited                         // too few answers: a router limits them, or they are lost
	BalancerTruncated                       // wider than the most branches
	BalancerUnfinished                      // the run was stopped, or the most probes were sent
)

// String returns the name in records.
func (s BalancerState) String() string { return nameOf(balancerStates, int(s)) }

// ParseBalancerState is the inverse of String.
func ParseBalancerState(s string) (BalancerState, error) {
	return parseName[BalancerState](balancerStates, "state of a balancer", s)
}

var balancerStates = []string{
	BalancerComplete: "complete", BalancerLimited: "limited",
	BalancerTruncated: "truncated", BalancerUnfinished: "unfinished",
}

// HashFields is a set of header fields that a balancer hashes. Examined says that the fields of
// the set, and no others, decide the branch.
type HashFields uint8

// The fields.
const (
	HashSourcePort HashFields = 1 << iota
	HashDestPort
	HashFlowLabel
	HashTOS
	HashDestination
	Examined // the fields were varied
)

var hashFieldNames = []string{"sport", "dport", "flow_label", "tos", "dst"}

// Has reports whether all of fields are in h.
func (h HashFields) Has(fields HashFields) bool { return h&fields == fields }

// All returns the names of the fields in records, in order.
func (h HashFields) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i, name := range hashFieldNames {
			if h>>i&1 != 0 && !yield(name) {
				return
			}
		}
	}
}

// Names is a list of All. It is nil if the fields were not examined.
func (h HashFields) Names() []string {
	if !h.Has(Examined) {
		return nil
	}
	names := make([]string, 0, len(hashFieldNames))
	for name := range h.All() {
		names = append(names, name)
	}
	return names
}

// ParseHashFields is the inverse of Names, for names that are not nil.
func ParseHashFields(names []string) (HashFields, error) {
	h := Examined
next:
	for _, name := range names {
		for i, known := range hashFieldNames {
			if name == known {
				h |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("unknown header field %q", name)
	}
	return h, nil
}

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return ""
}

func parseName[T ~uint8](names []string, what, s string) (T, error) {
	for i, name := range names {
		if name == s {
			return T(i), nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q", what, s)
}

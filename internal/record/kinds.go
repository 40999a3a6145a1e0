package record

import "fmt"

// Kinds is a set of kinds of data records.
type Kinds uint8

// The kinds.
const (
	Traces Kinds = 1 << iota
	Replies
	Both = Traces | Replies
	// Multipaths come with traces, and are not asked for by themselves. So they are in the kinds
	// that results have, and not in those to write.
	Multipaths Kinds = 1 << 2
)

var kindNames = map[Kinds]string{Traces: "trace", Replies: "reply", Both: "both"}

// ParseKinds returns the kinds that s names: trace, reply or both.
func ParseKinds(s string) (Kinds, error) {
	for k, name := range kindNames {
		if name == s {
			return k, nil
		}
	}
	return 0, fmt.Errorf("unknown records %q: not trace, reply or both", s)
}

// String is the inverse of ParseKinds.
func (k Kinds) String() string { return kindNames[k] }

// Has reports whether any kind of other is in k.
func (k Kinds) Has(other Kinds) bool { return k&other != 0 }

// Package change decides when answers show that a path has changed, and where two observations of a
// path differ. Comparison of results, watches and followed targets have these rules in common:
//
//   - Silence is no difference.
//   - One answer is no change. A balancer that shares its load packet by packet alternates between
//     addresses, so a change takes several answers in a row (Doubt).
//   - A difference begins at the lowest TTL at which both observations have an address (First).
//   - Witnesses that moved together are counted in bits (Chance).
package change

// Doubt collects the answers at one place that do not have its known address. A is an address, or its
// number. The zero value has no answers.
type Doubt[A comparable] struct {
	Candidate A     // the latest other address
	Since     int64 // when the first probe was sent that it answered
	InRow     int   // its answers in a row
}

// The numbers of answers of watches.
const (
	// Confirmation is how many answers in a row show that a path has changed.
	Confirmation = 2
	// Alternation is how many further answers in a row an address needs that is one of several.
	Alternation = 20
)

// Known takes an answer with the known address: there is no doubt.
func (d *Doubt[A]) Known() { *d = Doubt[A]{} }

// Other takes an answer with another address, to a probe sent at a time, and reports whether need
// answers in a row have it. If the address alternates with the known one, it needs Alternation more.
func (d *Doubt[A]) Other(a A, sent int64, need int, alternates bool) (certain bool) {
	if d.InRow == 0 && d.Since == 0 || a != d.Candidate {
		*d = Doubt[A]{Candidate: a, Since: sent, InRow: 1}
		if alternates {
			d.InRow -= Alternation
		}
		return d.InRow >= need
	}
	d.InRow++
	return d.InRow >= need
}

package multipath

import "math"

// Rule is a stopping rule. A node has shown k next hops to n answered flows. If it had K = k+1 that
// are equally likely, the probability that one of them stayed unseen is at most the union bound
//
//	K · ((K−1)/K)ⁿ
//
// The rule takes the smallest n for which this is at most 1 − confidence. At 95 % that is 6, 11,
// 16, 21, 27, 33, 39 (Veitch et al., Failure Control in Multipath Route Tracing, INFOCOM 2009).
// Published tables have 38 as the seventh, by the exact probability instead of the bound. The
// search asks one flow after the other and may also stop too early at fewer branches. With 38, both
// failures together come to 5.01 % at eight branches. With 39 they stay below 5 % at every width.
//
// A Rule does not change, so any number of goroutines may use it.
type Rule struct {
	flows []int     // by k
	early []float64 // by k: the probability that the search at k+1 branches stops before it sees k
}

// traceBalancers is how many balancers a trace is expected to meet. The failure bound of PerTrace
// is divided over them, as paris-traceroute divides it over its most branching points.
const traceBalancers = 5

// NewRule makes the table of the rule for balancers of up to branches next hops.
func NewRule(confidence float64, scope Scope, branches int) *Rule {
	if scope == PerTrace {
		confidence = math.Pow(confidence, 1.0/traceBalancers)
	}
	r := &Rule{flows: make([]int, branches+1), early: make([]float64, branches+1)}
	n := 1
	for k := 1; k <= branches; k++ {
		for unseen(k+1, n) > 1-confidence {
			n++
		}
		r.flows[k] = n
	}
	for k := 1; k <= branches; k++ {
		r.early[k] = r.failure(k+1, k-1)
	}
	return r
}

// unseen returns the union bound of the probability that n flows leave one of k branches unseen.
func unseen(k, n int) float64 {
	return min(1, float64(k)*math.Pow(float64(k-1)/float64(k), float64(n)))
}

// failure returns the exact probability that the search at branches equal next hops stops with at
// most most of them.
func (r *Rule) failure(branches, most int) float64 {
	if most < 1 {
		return 0
	}
	seen := make([]float64, branches+1) // by next hops seen, if the search has not stopped
	seen[0] = 1
	failed := 0.0
	for n, k := 1, 1; k <= most; n++ {
		for j := branches; j > 0; j-- {
			seen[j] = seen[j]*float64(j)/float64(branches) +
				seen[j-1]*float64(branches-j+1)/float64(branches)
		}
		seen[0] = 0
		for ; k <= most && n == r.flows[k]; k++ {
			failed += seen[k]
			seen[k] = 0
		}
	}
	return failed
}

// Flows returns how many answered flows rule out that a node with k next hops has one more. For k
// beyond the table it returns the last number.
func (r *Rule) Flows(k int) int { return r.flows[max(1, min(k, len(r.flows)-1))] }

// Failure returns the exact probability that the search at so many equal branches misses one.
func (r *Rule) Failure(branches int) float64 {
	return r.failure(branches, min(branches-1, len(r.flows)-1))
}

// Confidence returns the probability that a balancer with one branch more than k would have shown
// it to so many answered flows. It includes the chance that the search stopped too early.
func (r *Rule) Confidence(k, answered int) float64 {
	if k < 1 || answered < 1 {
		return 0
	}
	return max(0, 1-r.early[min(k, len(r.early)-1)]-unseen(k+1, answered))
}

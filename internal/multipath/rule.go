package multipath

// Rule is a stopping rule.
type Rule struct{}

// NewRule makes the table of the rule for balancers of up to branches next hops.
func NewRule(confidence float64, scope Scope, branches int) *Rule { return &Rule{} }

// Flows returns how many answered flows rule out that a node with k next hops has one more.
func (r *Rule) Flows(k int) int { return 0 }

// Confidence returns the probability that answered flows would have shown one branch more than k.
func (r *Rule) Confidence(k, answered int) float64 { return 0 }

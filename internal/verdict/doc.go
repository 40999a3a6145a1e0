// Package verdict decides why a trace ends where it ends, and which faults are on its way.
//
//	trace ──▶ Judge ──▶ the same trace with its Judgement
//	            │ ▲
//	            ▼ │
//	         routers: the prefixes to which each router forwards
//
// One function, Judge.Trace, gives every verdict: for a scan that writes its traces, for one host,
// and for a file without verdicts. Answers decide most traces. A trace that ends in silence is
// compared with the other traces of the run. A last router that forwards to this prefix alone is
// near the target. So the host or its filter is silent. A last router that also forwards to other
// prefixes is not near the target. So the path ends there.
//
// docs/verdicts.md has the rules as a table.
package verdict

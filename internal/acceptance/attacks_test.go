package acceptance

import (
	"fmt"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
)

// attackTargets is the number of targets of a run with attackers. Their packets are many.
const attackTargets = 500

// attacked scans a clean network with an attacker.
func attacked(t *testing.T, method string, f family, strategy string, set ...string) *outcome {
	t.Helper()
	n := network{name: "attacked", lab: []string{"--preset=clean"}, scan: []string{"--records=both", "--strategy=" + strategy}}
	for _, s := range set {
		n.lab = append(n.lab, "--set="+s)
	}
	targets := attackTargets
	if effort.Soaking() {
		targets *= 10
	}
	return scan(t, &cell{method, f, n}, targets)
}

// Before every fifth answer comes a garbled copy from elsewhere, half of them as another type of
// error. No hop is false, none is missing, and every trace ends where it does without the attacker.
func TestGarbledCopies(t *testing.T) {
	t.Parallel()
	for i, method := range methods {
		for j, f := range families {
			if (i/2+j)%2 == 1 && !effort.Soaking() {
				continue // every method, family and strategy is met
			}
			strategy := []string{"complete", "exhaustive"}[(i+j)%2]
			t.Run(fmt.Sprint(method, " ", f.name, " ", strategy), func(t *testing.T) {
				t.Parallel()
				o := attacked(t, method, f, strategy, "garbled=0.2")
				sim, r := o.counters.Simulator, &o.report.Recall
				t.Logf("%d garbled copies, %d superseded; %d hops, %d false; recall %.5f; %d contested, %d withheld; %d of %d ends right",
					sim["attack garbled-copy"], o.summary.Superseded, o.report.Hops.Judged, o.report.Hops.False(), r.Share,
					o.contested, o.withheld, o.report.Ends.Right, o.report.Ends.Traces)
				// A SYN over IPv6 has one tag: a copy with another is no reply.
				if sim["attack garbled-copy"] == 0 || o.summary.Superseded == 0 && method != "tcp-syn" {
					t.Error("the attacker did nothing")
				}
				if n := o.report.Hops.False(); n != 0 {
					t.Errorf("%d hops are false", n)
				}
				// By chance, a rewritten tag names another probe with one in 2¹¹. If the true
				// answer to that probe has one tag too, neither is believed.
				most := atMost(float64(sim["attack garbled-copy"]) / (1 << 11))
				if r.Found+o.withheld != r.Answers || o.withheld > most {
					t.Errorf("recall %d of %d, %d withheld", r.Found, r.Answers, o.withheld)
				}
				if e := o.report.Ends; e.Right != e.Traces || e.Gaps != 0 || e.WrongReached != 0 {
					t.Errorf("ends: %+v", e)
				}
				if s := o.report.Sums; s == nil || s.Unbalanced != "" {
					t.Errorf("sums: %+v", s)
				}
			})
		}
	}
}

// An attacker that knows targets and flows guesses probes that it does not see. It sends as
// many guesses as a path has probes, or several times as many. The bounds are those of
// docs/threat-model.md.
func TestGuesses(t *testing.T) {
	t.Parallel()
	for i, method := range []string{"udp", "icmp", "udp", "icmp"} {
		f := families[i/2]
		for _, perProbe := range []int{1, 3, 60} {
			if perProbe != 3 && !effort.Soaking() {
				continue
			}
			t.Run(fmt.Sprint(method, " ", f.name, " ", perProbe), func(t *testing.T) {
				t.Parallel()
				set := []string{fmt.Sprint("forged-quotes=", perProbe)}
				if method == "icmp" {
					set = append(set, fmt.Sprint("forged-echoes=", perProbe))
				}
				o := attacked(t, method, f, "complete", set...)
				sim, r, e := o.counters.Simulator, &o.report.Recall, o.report.Ends
				guesses := sim["attack forged-quote"] + sim["attack forged-echo"]
				t.Logf("%d guesses a path; %d hops, %d false; recall %.5f, %d withheld, %d contested; %d of %d ends right; %d rejected",
					guesses/uint64(o.targets), o.report.Hops.Judged, o.report.Hops.False(), r.Share, o.withheld, o.contested,
					e.Right, e.Traces, o.summary.Rejected.Total())
				// One false hop in a thousand paths, and four standard deviations.
				if n, most := o.report.Hops.False(), atMost(float64(o.targets)/1000); n > most {
					t.Errorf("%d hops are false, want %d at most", n, most)
				}
				if r.Found+o.withheld < r.Answers {
					t.Errorf("recall %d of %d, %d withheld", r.Found, r.Answers, o.withheld)
				}
				// No trace ends early, and no TTL below an end lacks a probe. A trace
				// whose target's answer is withheld goes on.
				if e.Right+o.withheld < e.Traces || e.WrongDistance != 0 || e.Gaps != 0 {
					t.Errorf("ends: %+v", e)
				}
				if s := o.report.Sums; s == nil || s.Unbalanced != "" {
					t.Errorf("sums: %+v", s)
				}
			})
		}
	}
}

// Copies of genuine answers from addresses that no host has are counted and make no hop. A normal run
// has one family: the test of the responder itself has a table for both.
func TestNobodies(t *testing.T) {
	t.Parallel()
	for _, f := range families {
		if f.name != "v4" && !effort.Soaking() {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			o := attacked(t, "udp", f, "complete", "nobodies=0.2")
			if n := o.counters.Simulator["attack nobodys-copy"]; n == 0 || o.summary.Rejected.Responder != n {
				t.Errorf("%d copies, %d refused", n, o.summary.Rejected.Responder)
			}
			if r := &o.report.Recall; o.report.Hops.False() != 0 || r.Found != r.Answers {
				t.Errorf("%d false hops, recall %d of %d", o.report.Hops.False(), r.Found, r.Answers)
			}
		})
	}
}

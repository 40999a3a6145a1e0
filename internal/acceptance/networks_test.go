package acceptance

import (
	"math"
	"testing"
)

// network is a simulated Internet, with the options of its scan and a check of the results.
type network struct {
	name  string
	lab   []string // options of masstrace lab
	scan  []string // of masstrace scan
	wait  string   // of masstrace scan; waitTime if it is empty
	holds func(t *testing.T, o *outcome)

	targets int // the fewest that reach what holds checks; 0 if any number does
}

// networks returns the networks of the cells.
func networks() []network {
	preset := func(name string) []string { return []string{"--preset", name} }
	both := []string{"--records=both"}
	return []network{
		{name: "clean", lab: preset("clean"), holds: holdsClean},
		{name: "loss", lab: preset("loss"), scan: []string{"--attempts=3"}, holds: holdsLoss},
		// The strategy exhaustive names the limits.
		{name: "limited", lab: preset("limited"), scan: []string{"--strategy=exhaustive"}, holds: holdsLimited, targets: testTargets},
		{name: "delayed", lab: preset("delayed"), scan: both, holds: holdsDelayed},
		{name: "nat", lab: preset("nat"), scan: both, holds: holdsNAT},
		{name: "noise", lab: preset("noise"), scan: both, holds: holdsNoise},
		{name: "loops", lab: preset("loops"), holds: holdsLoops},
		{name: "perpacket", lab: preset("perpacket"), holds: holdsAnswered},
	}
}

// holdsAnswered: where everything answers, everything is answered. A pure ACK,
// which shows no hop, is all that a half-open connection has for a SYN.
func holdsAnswered(t *testing.T, o *outcome) {
	if sum, acks := &o.summary, o.pureACKs(); sum.Silent != acks+o.withheld || sum.Sent != sum.Answered+acks+o.withheld {
		t.Errorf("sent %d, answered %d and %d by pure ACKs, silent %d", sum.Sent, sum.Answered, acks, sum.Silent)
	}
	if r := &o.report.Recall; r.Found+o.withheld < r.Answers {
		t.Errorf("recall %d of %d", r.Found, r.Answers)
	}
	if o.report.Ends.Traces > o.reached+o.undecided() {
		t.Errorf("%d of %d traces reach their targets", o.reached, o.report.Ends.Traces)
	}
}

// holdsClean: and nothing else comes, to either side.
func holdsClean(t *testing.T, o *outcome) {
	holdsAnswered(t, o)
	sim, sum := o.counters.Simulator, &o.summary
	if sim["received"] != sum.Sent+sim["fate taken"] || sim["fate answered"] != sum.Answered+o.pureACKs() {
		t.Errorf("sent %d, answered %d; the simulator received %d, took %d resets, answered %d",
			sum.Sent, sum.Answered, sim["received"], sim["fate taken"], sim["fate answered"])
	}
	if n := sum.Duplicates + sum.Late + sum.Malformed + sum.Rejected.Total(); n > 0 {
		t.Errorf("%d frames that are no answers: %+v", n, sum.Frames)
	}
	if c := o.report.Hops.Class; c.Mangled > 0 {
		t.Errorf("%d hops with rewritten fields", c.Mangled)
	}
}

// holdsLoss: three attempts make up for losses, and the counts of losses are right.
func holdsLoss(t *testing.T, o *outcome) {
	r := &o.report.Recall
	if all := float64(r.Answers + r.Chance); float64(r.Found) < 0.999*all {
		t.Errorf("found %d of %.0f hops that are there: %.5f", r.Found, all, float64(r.Found)/all)
	}
	fates := o.report.Probes.Fates
	lost := 100 * float64(fates["lost-forward"]+fates["lost-reply"]) / float64(o.report.Probes.Sent)
	said := 100 * float64(o.summary.Silent-o.pureACKs()) / float64(o.summary.Sent)
	if math.Abs(said-lost) > 0.2 || lost < 3 {
		t.Errorf("%.2f %% silent, and %.2f %% lost", said, lost)
	}
	if p := &o.report.Repeats; p.Retries == 0 || p.PerTTL[2] == 0 || p.PerTTL[3] == 0 || p.PerTTL[4] > 0 {
		t.Errorf("%d retries; TTLs by attempts %v", p.Retries, p.PerTTL)
	}
	noLimits(t, o)
}

// noLimits: nothing is called limited where nothing is.
func noLimits(t *testing.T, o *outcome) {
	if l := o.report.Limits; l != nil {
		t.Errorf("%d TTLs called rate limited, %d routers", l.Named, l.Routers)
	}
}

// holdsLimited: the limits that acted are found, and no other is.
func holdsLimited(t *testing.T, o *outcome) {
	l := o.report.Limits
	switch {
	case l == nil || l.Refused == 0:
		t.Error("nothing was limited")
	case l.Named != l.Right:
		t.Errorf("%d of %d TTLs called rate limited are not", l.Named-l.Right, l.Named)
	case 2*l.Acted < l.Refused:
		t.Errorf("%d of %d limited TTLs found, want half at least", l.Acted, l.Refused)
	case l.Routers == 0 || l.RoutersRight != l.Routers:
		t.Errorf("%d of %d named routers are limited", l.RoutersRight, l.Routers)
	}
}

// holdsDelayed: answers come late, twice and out of order, and are recorded so.
func holdsDelayed(t *testing.T, o *outcome) {
	holdsAnswered(t, o)
	// A second pure ACK is one more: no probe identifies the first.
	again := o.summary.PureACKs - o.pureACKs()
	if sum := &o.summary; sum.Duplicates == 0 || sum.Duplicates+again != o.counters.Simulator["duplicates"] {
		t.Errorf("%d duplicates and %d of pure ACKs, the simulator sent %d", sum.Duplicates, again, o.counters.Simulator["duplicates"])
	}
	// The kernel's stamps show it. The simulator is late by the time for which its thread
	// waits for a core.
	if e := o.report.Hops.RTT; e == nil || e.MedianMS > 20 {
		t.Errorf("RTT error %+v", e)
	}
	noLimits(t, o)
}

// holdsNAT checks that rewritten fields are named.
func holdsNAT(t *testing.T, o *outcome) {
	if c := o.report.Hops.Class; c.Mangled == 0 || c.Strong == 0 {
		t.Errorf("hops with rewritten fields, strong: %d, %d", c.Mangled, c.Strong)
	}
	if o.report.Replies == nil {
		t.Error("no reply records")
	}
	if o.counters.Simulator["mangled"] == 0 {
		t.Error("nothing was rewritten")
	}
	noLimits(t, o)
}

// holdsNoise: noise is not taken for answers.
func holdsNoise(t *testing.T, o *outcome) {
	holdsAnswered(t, o)
	for _, kind := range []string{"forged", "bit-flip", "truncated", "nonsense", "bad-ip-sum", "bad-icmp-sum",
		"foreign-trace", "foreign-ping", "foreign-segment"} {
		if o.counters.Simulator["noise "+kind] == 0 {
			t.Errorf("no noise of kind %s", kind)
		}
	}
	if sum := &o.summary; sum.Malformed+sum.Unrelated+sum.Rejected.Total() == 0 {
		t.Errorf("no noise was seen: %+v", sum.Frames)
	}
}

// holdsLoops: every way of not getting there was met.
func holdsLoops(t *testing.T, o *outcome) {
	sim := o.counters.Simulator
	for _, name := range []string{"fate black-hole", "fate silent-firewall", "fate dead-host", "answer net-unreach",
		"answer host-unreach", "answer prohibited", "answer time-exceeded"} {
		if sim[name] == 0 {
			t.Errorf("none of %s", name)
		}
	}
	noLimits(t, o)
}

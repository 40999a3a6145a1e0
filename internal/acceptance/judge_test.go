package acceptance

import (
	"math"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/verify"
)

// judge checks the properties of every network.
func judge(t *testing.T, o *outcome) {
	t.Helper()
	r := o.report
	for _, fault := range r.Faults {
		t.Error(fault)
	}
	judgeHops(t, "hops", &r.Hops)
	if r.Replies != nil {
		judgeHops(t, "replies", r.Replies)
	}
	if r.Hops.Judged < uint64(3*o.targets) { // topology stops at known interfaces
		t.Errorf("%d hops of %d targets", r.Hops.Judged, o.targets)
	}
	zero(t, "probes", counts{
		"outside the targets": uint64(r.Probes.Outside), "missing in the log": uint64(r.Probes.Unlogged),
		"targets too few or too many": uint64(max(r.Probes.Targets, o.targets) - min(r.Probes.Targets, o.targets)),
		"retried, unheard":            r.Repeats.Unheard,
	})
	judgeRecall(t, o)
	judgeEnds(t, o)
	judgeSums(t, o)
	if t.Failed() {
		var text strings.Builder
		_ = r.Text(&text) // into memory
		t.Logf("%s\nsummary %+v", &text, o.summary)
	}
}

// counts are numbers with their names.
type counts map[string]uint64

// zero checks that all are.
func zero(t *testing.T, of string, all counts) {
	t.Helper()
	for name, n := range all {
		if n != 0 {
			t.Errorf("%s: %s: %d", of, name, n)
		}
	}
}

func judgeHops(t *testing.T, of string, h *verify.Hops) {
	t.Helper()
	if h.Class == nil {
		t.Errorf("no %s were judged", of)
		return
	}
	c := h.Class
	zero(t, of, counts{
		"false": h.False(), "wrong valid": c.WrongValid, "wrong kind": c.WrongKind,
		"wrong detail": c.WrongDetail, "on too few tags": c.ShouldBeGone, "unexplained": c.Unexplained,
	})
	if c.WrongMangled > unchanged(c.Mangled) {
		t.Errorf("%s: wrong mangled: %d", of, c.WrongMangled)
	}
}

// unchanged returns how many of n rewritten fields may be as they were: one in
// 65,536, and four standard deviations.
func unchanged(n uint64) uint64 { return atMost(float64(n) / (1 << 16)) }

// atMost returns a bound of a number with that mean: four standard deviations above.
func atMost(mean float64) uint64 { return uint64(math.Ceil(mean + 4*math.Sqrt(mean))) }

// conflicts returns how many answers may be missing: of a rewritten tag one in
// 256 is valid by chance, and then contradicts the other. Such an answer is
// rejected, and counted.
func (o *outcome) conflicts() uint64 {
	if o.counters.Simulator["mangled"] == 0 {
		return 0
	}
	return o.summary.Rejected.Conflict
}

// undecided returns how many traces may end without their target although it answered: an answer that
// rests on one tag ends nothing by itself, and on few paths nothing speaks for it.
func (o *outcome) undecided() uint64 {
	if o.summary.Weak == 0 {
		return 0
	}
	return uint64(o.targets+999) / 1000
}

// mostWithheld is how many answers there must be for each that is withheld without a rewritten tag.
const mostWithheld = 1000

// judgeRecall: every reply that can be attributed is in the results.
func judgeRecall(t *testing.T, o *outcome) {
	t.Helper()
	r := &o.report.Recall
	m := &r.Missing
	zero(t, "missing", counts{"no trace": m.NoTrace, "late": m.Late, "lost": m.Lost - min(m.Lost, o.withheld)})
	// A rewritten tag is valid by chance once in 2⁸, and then contradicts the other one.
	byChance := atMost(float64(o.counters.Simulator["mangled"]) / (1 << 8))
	if o.withheld > byChance+r.Answers/mostWithheld {
		t.Errorf("%d of %d answers are withheld", o.withheld, r.Answers)
	}
	if m.Mangled > o.conflicts() {
		t.Errorf("%d rewritten answers are missing, and %d conflicts", m.Mangled, o.conflicts())
	}
	if r.Answers == 0 || r.Found+m.RuledOut+m.Mangled+m.Lost != r.Answers {
		t.Errorf("recall %d of %d, %d ruled out", r.Found, r.Answers, m.RuledOut)
	}
}

func judgeEnds(t *testing.T, o *outcome) {
	t.Helper()
	e := o.report.Ends
	if e == nil {
		t.Error("no traces")
		return
	}
	unlike := o.conflicts() + o.undecided()
	if e.Traces != uint64(o.targets) || e.Right+unlike < e.Traces || e.WrongReached > unlike {
		t.Errorf("%d traces of %d targets, %d end right: wrong are %d reasons, %d codes, %d TTLs; %d on whether they reach",
			e.Traces, o.targets, e.Right, e.WrongReason, e.WrongCode, e.WrongDistance, e.WrongReached)
	}
	zero(t, "ends", counts{"halted": e.Halted, "not probed": e.NotProbed, "told again": e.Again})
	// A reply that is rejected in the end may have hidden the routers beyond it until then.
	if e.Gaps > o.conflicts()*probe.MaxTTL {
		t.Errorf("ends: TTLs left out: %d", e.Gaps)
	}
}

// judgeSums: the counts of the summary are those of the simulator.
func judgeSums(t *testing.T, o *outcome) {
	t.Helper()
	s := o.report.Sums
	if s == nil || s.Unbalanced != "" || !o.summary.Complete {
		t.Errorf("summary: %+v; complete: %v", s, o.summary.Complete)
		return
	}
	sim, conflicts := o.counters.Simulator, max(o.conflicts(), o.withheld)
	for _, l := range s.Lines {
		lack, surplus := uint64(0), uint64(0)
		switch l.Name {
		case "answered":
			lack = conflicts
		case "duplicates", "udp_reply", "pure_ack":
			surplus = sim["noise bit-flip"]
		}
		if l.Said+lack < l.Is || l.Said > l.Is+surplus {
			t.Errorf("summary: %s: %d, and not %d", l.Name, l.Said, l.Is)
		}
	}
	if o.summary.Sent+o.report.Probes.Others != sim["received"] {
		t.Errorf("summary: sent %d, and the simulator received %d, %d of them no probes",
			o.summary.Sent, sim["received"], o.report.Probes.Others)
	}
	zero(t, "summary", counts{"traces that are wrong on probes": s.TracesWrongSent,
		"traces that are wrong on answers": s.TracesWrongAnswered - min(s.TracesWrongAnswered, conflicts)})
}

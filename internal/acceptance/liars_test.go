package acceptance

import (
	"fmt"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
)

// Targets that lie about their distance change no other trace.
func TestLiars(t *testing.T) {
	t.Parallel()
	run := func(share string) (honest, all int) {
		o := scan(t, &cell{"udp", families[0], network{
			name: "liars", scan: []string{"--strategy=complete"},
			lab: []string{"--preset=clean", "--set=hosts-alive=0.5", "--set=host-unreachable=0",
				"--set=silent-routers=0.3", "--set=liars=" + share},
		}}, testTargets)
		for target, n := range o.hops {
			all += n
			if !strings.HasPrefix(o.ends[target], "COMPLETED") {
				honest += n
			}
		}
		return honest, all
	}
	// Two scans of one network differ by up to 1 %, because answers come in another order, and by more
	// on a busy machine. What liars take from others they take each time.
	for left := 2; ; left-- {
		honest, all := run("0.75")
		wantHonest, wantAll := run("0")
		t.Logf("%d hops to silent targets with liars, %d without; %d and %d in all", honest, wantHonest, all, wantAll)
		if 100*honest >= 97*wantHonest && all < wantAll {
			return
		}
		if left == 0 {
			t.Fatal("with liars there are other hops to silent targets, three times")
		}
	}
}

// Targets that answer as routers of other paths change no other trace. The scan finds the same
// interfaces on the paths to other targets.
func TestImposters(t *testing.T) {
	t.Parallel()
	for i, f := range families {
		for j, strategy := range []string{"topology", "complete"} {
			if i != j && !effort.Soaking() {
				continue
			}
			t.Run(f.name+" "+strategy, func(t *testing.T) {
				t.Parallel()
				run := func(share string) *outcome {
					return scan(t, &cell{"udp", f, network{
						name: "imposters", scan: []string{"--strategy=" + strategy},
						lab: []string{"--preset=clean", "--set=hosts-alive=0.5", "--set=host-unreachable=0", "--set=imposters=" + share},
					}}, effort.Count(testTargets, 10*testTargets))
				}
				honest, lied := run("0"), run("0.1")
				liars := map[string]bool{}
				for target, end := range honest.ends {
					liars[target] = strings.HasPrefix(end, "COMPLETED") && !strings.HasPrefix(lied.ends[target], "COMPLETED")
				}
				if lied.reached >= honest.reached {
					t.Errorf("%d targets reached, %d without liars: no target lied", lied.reached, honest.reached)
				}
				got, want := lied.interfaces(liars), honest.interfaces(liars)
				t.Logf("%d interfaces on the paths of others with liars, %d without; %d and %d probes", got, want,
					lied.summary.Sent, honest.summary.Sent)
				// The findings of topology depend on the order of answers, by 2 % at this number.
				most := 10
				if strategy == "topology" && !effort.Soaking() {
					most = 40
				}
				if difference := 1000 * (got - want); max(difference, -difference) > most*want {
					t.Errorf("%d interfaces on the paths of others with liars, %d without", got, want)
				}
			})
		}
	}
}

// interfaces returns how many interfaces the traces to other targets than those left out show.
func (o *outcome) interfaces(without map[string]bool) int {
	found := map[probe.Addr]bool{}
	for target, from := range o.from {
		if !without[target] {
			for _, a := range from {
				found[a] = true
			}
		}
	}
	return len(found)
}

// The last routers before some targets send time exceeded from the target's address. Each such
// reply is a hop, and the trace goes on to the target.
func TestViaTarget(t *testing.T) {
	t.Parallel()
	for i, strategy := range []string{"exhaustive", "complete", "topology"} {
		for j, f := range families {
			if i%2 != j && !effort.Soaking() {
				continue
			}
			method := methods[(i+j)%len(methods)]
			t.Run(fmt.Sprint(strategy, " ", method, " ", f.name), func(t *testing.T) {
				t.Parallel()
				o := attacked(t, method, f, strategy, "via-target=0.5")
				r, e := &o.report.Recall, o.report.Ends
				t.Logf("%d hops, %d false; recall %.4f; %d of %d ends right", o.report.Hops.Judged, o.report.Hops.False(), r.Share, e.Right, e.Traces)
				if n := o.report.Hops.False(); n != 0 {
					t.Errorf("%d hops are false", n)
				}
				if e.Right != e.Traces || e.WrongDistance != 0 || e.WrongReached != 0 {
					t.Errorf("ends: %+v", e)
				}
				if strategy != "topology" && (r.Found != r.Answers || e.Gaps != 0) {
					t.Errorf("recall %d of %d; ends: %+v", r.Found, r.Answers, e)
				}
				if s := o.report.Sums; s == nil || s.Unbalanced != "" {
					t.Errorf("sums: %+v", s)
				}
			})
		}
	}
}

package acceptance

import (
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/verify"
)

// Strategies that skip probes report nothing false, end traces at the right TTL, and count
// the skipped probes. A normal run tries each network once and each strategy twice: the
// properties of a network and those of a strategy are checked apart from each other.
func TestStrategies(t *testing.T) {
	t.Parallel()
	strategies := [][]string{{"complete"}, {"topology", "--stitch"}}
	at := 0
	for _, n := range networks() {
		if !slices.Contains([]string{"clean", "loss", "delayed", "loops"}, n.name) {
			continue
		}
		for i, s := range strategies {
			c := cell{methods[(at+at/4)%len(methods)], families[at/2%len(families)], n}
			c.network.scan = append(append(slices.Clip(n.scan), "--strategy"), s...)
			skip := at/2%len(strategies) != i
			at++
			if skip && !effort.Soaking() {
				continue
			}
			t.Run(s[0]+" "+c.name(), func(t *testing.T) {
				t.Parallel()
				targets := cellTargets
				if len(s) > 1 { // traces are completed by those that were written before
					targets = effort.Count(testTargets, 3*testTargets)
				} else if effort.Soaking() {
					targets = testTargets
				}
				o := scan(t, &c, targets)
				n.holds(t, o)
				judge(t, o)
				stitched(t, o, len(s) > 1)
				t.Logf("%d probes, %d hops of %d targets", o.summary.Sent, o.report.Hops.Judged, o.targets)
			})
		}
	}
}

// stitched checks the probed hops, and the inferred ones.
func stitched(t *testing.T, o *outcome, borrows bool) {
	t.Helper()
	w, i := o.report.Whole, o.report.Inferred
	switch {
	case w == nil || w.Hops == 0 || (i != nil) != borrows:
		t.Fatalf("against all probes %+v, inferred %+v", w, i)
	case !borrows:
		if w.Share < 0.995 {
			t.Errorf("%+v: of what would answer less was asked", w)
		}
	case i.False()*50 > i.Hops:
		t.Errorf("inferred %+v", i)
	case float64(w.Asked+w.Inferred) < 0.85*float64(w.Hops) || w.Share > 0.9:
		t.Errorf("%+v, inferred %+v: less is whole", w, i)
	}
	if i != nil {
		t.Logf("inferred %+v; against all probes %+v", *i, *w)
	}
}

// sameEnds checks that traces end at the same TTL if all probes found an end. If they found
// none, a trace ends with silence or a loop.
func sameEnds(t *testing.T, some, all *outcome) {
	t.Helper()
	if len(some.ends) != len(all.ends) || some.reached != all.reached {
		t.Fatalf("%d traces of %d targets, %d reached; %d of %d", len(some.ends), some.targets, some.reached, len(all.ends), all.reached)
	}
	differ := 0
	for target, want := range all.ends {
		got := some.ends[target]
		if strings.HasPrefix(want, "HOPLIMIT") {
			want, _, _ = strings.Cut(got, "/")
			if slices.Contains([]string{"HOPLIMIT", "GAPLIMIT", "LOOP"}, want) {
				continue
			}
			want = "none"
		}
		if got != want {
			differ++
			t.Logf("%s ends %s, with all probes %s", target, got, want)
		}
	}
	if differ > 0 {
		t.Errorf("%d of %d traces end otherwise", differ, len(all.ends))
	}
}

// Complete traces have the hops of exhaustive ones, with fewer probes, and end for
// the same reasons.
func TestComplete(t *testing.T) {
	t.Parallel()
	for _, preset := range []string{"clean", "loops"} {
		t.Run(preset, func(t *testing.T) {
			t.Parallel()
			run := func(strategy string) *outcome {
				return scan(t, &cell{"udp", families[0], network{
					name: preset, lab: []string{"--preset=" + preset}, scan: []string{"--strategy=" + strategy},
				}}, effort.Count(cellTargets, testTargets))
			}
			all, some := run("exhaustive"), run("complete")
			judge(t, some)
			have, want := some.report.Hops.Judged, all.report.Hops.Judged
			if preset == "loops" {
				// Exhaustive traces repeat the loop. The recall covers the hops
				// before it.
				want = 0
			}
			if float64(have) < 0.995*float64(want) {
				t.Errorf("%d hops, %d with all probes", have, want)
			}
			sameEnds(t, some, all)
			if sum := &some.summary; float64(sum.Sent) > 0.55*float64(sum.Targets*sum.TTLs) {
				t.Errorf("%d probes for %d targets", sum.Sent, sum.Targets)
			}
		})
	}
}

// Routers that limit their answers are named with every strategy that sends them many
// probes, after trials. Other routers are not named, not even on lossy paths.
func TestLimitedRouters(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		lab     []string
		limited bool
	}{
		{"limited", []string{"--preset=limited", "--net-seed=3", "--set=router-rate=100"}, true},
		{"loss", []string{"--preset=loss", "--set=loss-forward=0.4"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v4 := families[0]
			c := &cell{methods[0], v4, network{name: tt.name, lab: tt.lab, scan: []string{"--per-hop-rate=1000"}}}
			for left := 2; ; left-- {
				o := scanAt(t, c, testTargets, 8000)
				l := o.report.Limits
				if l == nil {
					l = new(verify.Limits)
				}
				if l.Routers == l.RoutersRight && (l.Routers > 0) == tt.limited {
					return
				}
				// A loss of this machine is not held against a router, nor are its pauses, which
				// answers pass in bursts. What chance names once it does not name three times.
				if busy := o.overload(); left > 0 && (busy != "" || l.Routers > l.RoutersRight) {
					t.Logf("again: %v named, %s", o.summary.LimitedRouters, busy)
					continue
				}
				t.Fatalf("%d of %d named routers are limited: %v", l.RoutersRight, l.Routers, o.summary.LimitedRouters)
			}
		})
	}
}

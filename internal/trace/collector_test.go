package trace

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// collectorHead returns the head of a flow to a target.
func collectorHead(target byte, value, port uint16) *record.Head {
	return &record.Head{
		Source: probe.Addr4From([4]byte{192, 0, 2, 1}), Target: probe.Addr4From([4]byte{198, 51, 100, target}),
		Flow: probe.Flow{Value: value}, DstPort: port,
	}
}

// collectedWords returns the collected traces as text.
func collectedWords(t *testing.T, c *Collector, since int64) []string {
	t.Helper()
	var all []string
	err := c.Expire(since, func(tr *record.Trace) error {
		var hops []string
		for i := range tr.Hops {
			h := &tr.Hops[i]
			hops = append(hops, fmt.Sprintf("%d.%d", h.TTL, h.Attempt))
		}
		all = append(all, fmt.Sprintf("%v:%d/%d hops %s silent %v start %d", tr.Target, tr.Flow.Value, tr.FlowIndex,
			strings.Join(hops, " "), tr.Silent, tr.Start))
		if tr.ProbeCount != tr.Answered+len(tr.Silent) {
			t.Errorf("%d probes, %d answered, %d silent", tr.ProbeCount, tr.Answered, len(tr.Silent))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestCollector(t *testing.T) {
	type sent struct {
		target      byte
		value, port uint16
		ttl         uint8
		answered    bool
	}
	tests := []struct {
		name  string
		keep  Keep
		sents []sent
		want  []string
	}{
		{"one flow", KeepPaths, []sent{{9, 5, 1, 2, true}, {9, 5, 1, 1, true}, {9, 5, 1, 1, false}, {9, 5, 1, 3, false}},
			[]string{"198.51.100.9:5/0 hops 1.0 2.0 silent [{1 1} {3 0}] start 1"}},
		{"two flows", KeepPaths, []sent{{9, 5, 1, 1, true}, {9, 6, 1, 1, true}, {9, 5, 1, 2, true}, {9, 6, 1, 2, true}},
			[]string{"198.51.100.9:5/0 hops 1.0 2.0 silent [] start 1", "198.51.100.9:6/1 hops 1.0 2.0 silent [] start 2"}},
		{"ports that change", KeepPaths, []sent{{9, 5, 1, 1, true}, {9, 5, 2, 1, false}, {9, 5, 3, 2, true}, {9, 5, 4, 2, true}},
			[]string{"198.51.100.9:5/0 hops 1.0 2.0 2.1 silent [{1 1}] start 1"}},
		{"the same with a key", KeepFlows, []sent{{9, 5, 1, 1, true}, {9, 5, 2, 2, true}},
			[]string{"198.51.100.9:5/0 hops 1.0 silent [] start 1", "198.51.100.9:5/1 hops 2.0 silent [] start 2"}},
		{"never answered", KeepPaths, []sent{{9, 5, 1, 1, false}}, nil},
		{"one target is silent", KeepPaths, []sent{{9, 5, 1, 1, true}, {8, 5, 1, 1, false}},
			[]string{"198.51.100.9:5/0 hops 1.0 silent [] start 1", "198.51.100.8:5/0 hops  silent [{1 0}] start 2"}},
		{"nothing is kept", KeepNothing, []sent{{9, 5, 1, 1, true}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := NewCollector(tt.keep)
			for i, s := range tt.sents {
				at := int64(i + 1)
				flow, attempt := c.Probe(collectorHead(s.target, s.value, s.port), s.ttl, NextAttempt, at)
				if !s.answered {
					continue
				}
				hop := record.Hop{Sent: at}
				hop.TTL, hop.Attempt, hop.Kind, hop.Stamp = s.ttl, attempt, probe.KindTTLExceeded, at
				c.Reply(flow, at, &hop)
			}
			if got := collectedWords(t, c, math.MaxInt64); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
			if len(c.groups)+len(c.flows) > 0 {
				t.Error("something is left")
			}
		})
	}
}

// Expire removes only idle flows, and their numbers are used again.
func TestCollectorExpire(t *testing.T) {
	c := NewCollector(KeepPaths)
	for round := range int64(100) {
		for target := range byte(10) {
			flow, _ := c.Probe(collectorHead(target, 1, 1), 1, NextAttempt, 100*round+int64(target))
			hop := record.Hop{}
			hop.TTL, hop.Kind, hop.Stamp = 1, probe.KindTTLExceeded, 100*round+int64(target)
			c.Reply(flow, 100*round+int64(target), &hop)
		}
		if got := collectedWords(t, c, 100*round+5); len(got) != 5 {
			t.Fatalf("round %d: %d traces", round, len(got))
		}
	}
	if len(c.byIndex) > 10 || len(c.flows) != 5 || c.Groups() != 10+99*5 {
		t.Errorf("%d flows ever at once, %d now, %d groups", len(c.byIndex), len(c.flows), c.Groups())
	}
}

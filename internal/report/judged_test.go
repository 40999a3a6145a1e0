package report

import (
	"slices"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// The page has the verdict of a file, or the one that masstrace gives to a trace without one.
func TestVerdicts(t *testing.T) {
	judged := newTrace("203.0.113.9", "198.51.100.1", "198.51.100.2", "", "", "")
	judged.Judged = record.Judgement{
		Verdict: record.VerdictFiltered, Basis: record.BasisOtherMethod, TTL: 2, Addr: addr("198.51.100.2"), Silent: 3,
		Asked: record.Asked{Method: probe.UDP, Port: 33434}, Passed: record.Asked{Method: probe.TCPSYN, Port: 443},
		Conditions: []record.Condition{
			{Kind: record.RateLimited, FirstTTL: 1, LastTTL: 1, Addr: addr("198.51.100.1"), Probes: 3, Silent: 2},
			{Kind: record.PathMTU, FirstTTL: 2, LastTTL: 2, Addr: addr("198.51.100.7"), MTU: 1400},
		},
	}
	plain := newTrace("203.0.113.10", "198.51.100.1", "203.0.113.10")
	plain.Hops[1].Kind = probe.KindPortUnreach
	u := unpack(t, pageOf(t, gathered(10, plain, judged)))
	word := func(list []string, column string, i int) string { return list[u.columns[column][i]] }
	for i, want := range []string{"filtered other_method", "reached answer"} {
		if got := word(u.Verdicts, "verdict.is", i) + " " + word(u.Bases, "verdict.basis", i); got != want {
			t.Errorf("trace %d: %s, want %s", i, got, want)
		}
	}
	if got := words(u.address(u.columns["verdict.addr"][0]), u.columns["verdict.ttl"][0], u.columns["verdict.silent"][0],
		word(u.Methods, "verdict.asked", 0), u.columns["verdict.asked_port"][0], word(u.Methods, "verdict.passed", 0), u.columns["verdict.passed_port"][0],
	); got != "198.51.100.2 2 3 udp 33434 tcp-syn 443" {
		t.Errorf("evidence %s", got)
	}
	var conditions []string
	for i := range u.columns["condition.is"] {
		conditions = append(conditions, words(u.columns["condition.trace"][i], word(u.Conditions, "condition.is", i), u.columns["condition.first"][i],
			u.address(u.columns["condition.addr"][i]), u.columns["condition.mtu"][i]))
	}
	if want := []string{"0 rate_limited 1 198.51.100.1 0", "0 path_mtu 2 198.51.100.7 1400"}; !slices.Equal(conditions, want) {
		t.Errorf("conditions %q, want %q", conditions, want)
	}
	if u.Totals.Verdicts["reached"] != 1 || u.Totals.Verdicts["filtered"] != 1 {
		t.Errorf("totals %v", u.Totals.Verdicts)
	}
}

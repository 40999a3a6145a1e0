package traceroute

import (
	"bytes"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// A verdict that some flows alone have names them, so that it does not contradict the rows of others.
func TestVerdictOfFlows(t *testing.T) {
	v := record.Judgement{
		Verdict: record.VerdictHostSilent, Basis: record.BasisLastRouter,
		Addr: probe.Addr4From([4]byte{192, 0, 2, 9}), TTL: 9, Silent: 6,
		Conditions: []record.Condition{{Kind: record.PathMTU, FirstTTL: 4, LastTTL: 4}},
	}
	const (
		because = "host_silent: 192.0.2.9 at TTL 9 is the last router before the target, 6 probes beyond are silent)\n"
		mtu     = "path_mtu: the probe is too large for a router at TTL 4)\n"
	)
	for _, tt := range []struct {
		flows  []uint16
		prefix string
	}{
		{nil, "    ("},
		{[]uint16{3}, "    (flow 3: "},
		{[]uint16{0, 2, 3, 4}, "    (flows 0,2-4: "},
	} {
		var b bytes.Buffer
		w := Writer{Out: &b}
		if err := w.Verdict(&v, tt.flows); err != nil {
			t.Fatal(err)
		}
		if want := tt.prefix + because + tt.prefix + mtu; b.String() != want {
			t.Errorf("flows %v: %q, want %q", tt.flows, b.String(), want)
		}
	}
}

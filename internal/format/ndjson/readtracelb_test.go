package ndjson

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/record"
)

// tracelbProbes are the probes of some flows with a TTL, as sc_warts2json writes them.
func tracelbProbes(ttl int, flows ...int) string {
	var list []string
	for _, flow := range flows {
		list = append(list, fmt.Sprintf(`{"tx":{"sec":%d, "usec":5}, "replyc":1, "ttl":%d, "attempt":0, "flowid":%d, "replies":[{"rx":{"sec":1, "usec":6}, "ttl":63, "rtt":0.051}]}`, ttl, ttl, flow))
	}
	return "[" + strings.Join(list, ",") + "]"
}

// tracelbJSON has a balancer of two branches, of which the first joins the path again after a silent
// router, and silence at the end.
var tracelbJSON = `{"type":"tracelb", "version":"0.1", "userid":0, "method":"icmp-echo", "src":"192.0.2.1", "dst":"198.51.100.9", ` +
	`"start":{"sec":1790000001, "usec":101222, "ftime":"2026-09-21 14:13:21"}, "probe_size":44, "firsthop":1, "attempts":1, "confidence":95, ` +
	`"tos":0, "gaplimit":2, "wait_timeout":1, "wait_probe":150, "probec":30, "probec_max":3000, "nodec":5, "linkc":5, "nodes":[` +
	`{"addr":"203.0.113.1", "q_ttl":1, "linkc":2, "links":[[{"addr":"203.0.113.2", "probes":[ ` + tracelbProbes(2, 1, 3, 3)[1:] + `},` +
	`{"addr":"203.0.113.3", "probes":[ ` + tracelbProbes(2, 2)[1:] + `}]]},` +
	`{"addr":"203.0.113.2", "linkc":1, "links":[[{"addr":"*"}],[{"addr":"203.0.113.5", "probes":` + tracelbProbes(4, 1, 3) + `}]]},` +
	`{"addr":"203.0.113.3", "linkc":1, "links":[[{"addr":"203.0.113.4", "probes":` + tracelbProbes(3, 2) + `}]]},` +
	`{"addr":"203.0.113.5", "linkc":1, "links":[[{"addr":"*"}],[{"addr":"*"}]]}]}`

func TestTracelb(t *testing.T) {
	r, err := Decode([]byte(tracelbJSON))
	if err != nil {
		t.Fatal(err)
	}
	m := r.(*record.Multipath)
	var got strings.Builder
	fmt.Fprintln(&got, m.Target, m.Source, m.Method, m.MDA, m.Start, m.Probes)
	for _, n := range m.Nodes {
		fmt.Fprintln(&got, n.TTL, n.Addr, n.Flows)
	}
	for _, l := range m.Links {
		near, far := l.Near.String(), l.Far.String()
		if l.Near.IsZero() {
			near = "*"
		}
		if l.Far.IsZero() {
			far = "*"
		}
		fmt.Fprintln(&got, l.TTL, near, far, l.Flows, l.Dt)
	}
	for _, b := range m.Balancers {
		fmt.Fprintln(&got, b.TTL, b.Addr, b.Width, b.Length, b.Asked, b.Answered, b.Confidence)
	}
	want := `198.51.100.9 192.0.2.1 icmp full 1790000001101222000 30
1 203.0.113.1 3
2 203.0.113.2 2
2 203.0.113.3 1
3 203.0.113.4 1
4 203.0.113.5 2
1 203.0.113.1 203.0.113.2 2 0
1 203.0.113.1 203.0.113.3 1 0
2 203.0.113.2 * 2 0
2 203.0.113.3 203.0.113.4 1 1000000000
3 * 203.0.113.5 2 0
4 203.0.113.5 * 1 0
5 * * 1 0
1 203.0.113.1 2 0 3 3 0.95
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A tracelb without a target is passed over; one with wrong values is an error that names them.
func TestTracelbOdd(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{`{"type":"tracelb"}`, ""}, {`{"type":"tracelb","dst":"192.0.2.1"}`, ""},
		{`{"type":"tracelb","dst":"192.0.2.1","nodes":[{"addr":"192.0.2.2","linkc":1,"links":[]},{"linkc":-1}]}`, ""},
		{`{"type":"tracelb","dst":"192.0.2.1","nodes":[{"addr":"192.0.2.2","linkc":1,"links":[[{"addr":"x"}]]}]}`, "node 192.0.2.2"},
		{`{"type":"tracelb","dst":"192.0.2.1","nodes":[{"addr":"192.0.2.2","linkc":1,"links":[[{"addr":"::1","probes":[{"flowid":1}]}]]}]}`, "TTL"},
		{`{"type":"tracelb","dst":"192.0.2.1","nodes":[{"links":7}]}`, "links"},
		{`{"type":"tracelb","dst":7}`, "tracelb record"},
	} {
		_, err := Decode([]byte(tt.line))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.line, err, tt.want)
		}
	}
}

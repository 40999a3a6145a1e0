package ndjson

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// multipathSamples have every field: a diamond with a silent branch, an examined balancer in
// IPv6, and a target of which nothing answered.
func multipathSamples() []*record.Multipath {
	router := func(n byte) probe.Addr { return probe.Addr4From([4]byte{203, 0, 113, n}) }
	return []*record.Multipath{{
		Target: target4, Source: source4, Method: probe.UDP, Start: start / 1000 * 1000, Probes: 61, Remapped: 2,
		Nodes: []record.Node{
			{TTL: 1, Addr: router(1), Flows: 6, Borrowed: true}, {TTL: 2, Addr: router(2), Flows: 8},
			{TTL: 3, Addr: target4, Flows: 16},
		},
		Links: []record.Link{
			{TTL: 1, Near: router(1), Flows: 8, Dt: 12_345_000}, {TTL: 1, Near: router(1), Far: router(2), Flows: 8, Dt: 1000},
			{TTL: 2, Far: target4, Flows: 8}, {TTL: 2, Near: router(2), Far: target4, Flows: 2, Dt: 3_000_000_000, Remapped: true},
		},
		Balancers: []record.Balancer{
			{TTL: 1, Addr: router(1), Width: 2, Length: 2, Kind: record.PerFlow, Asked: 16, Answered: 11, Confidence: 0.965,
				State: record.BalancerLimited, Borrowed: true},
			{TTL: 2, Addr: router(2), Width: 2, Asymmetry: 1, Kind: record.PerPacket, Asked: 3, Answered: 2, Confidence: 0,
				State: record.BalancerUnfinished, HashFields: record.Examined},
		},
	}, {
		Target: target6, Source: source6, Method: probe.ICMP, MDA: record.Full, Start: start / 1000 * 1000, Probes: 7, Unfinished: true,
		Nodes: []record.Node{{TTL: 1, Addr: source6, Flows: 1}},
		Links: []record.Link{{TTL: 1, Near: source6, Far: source6, Flows: 1}, {TTL: 2, Flows: 1}},
		Balancers: []record.Balancer{{TTL: 1, Addr: source6, Width: 100, Length: 62, Asymmetry: 3, Kind: record.PerDestination,
			Asked: 700, Answered: 700, Confidence: 1, State: record.BalancerTruncated,
			HashFields: record.Examined | record.HashSourcePort | record.HashFlowLabel | record.HashDestination}},
	}, {
		Target: target4, Source: source4, Method: probe.TCPACK, Start: start / 1000 * 1000, Probes: 12,
		Nodes: []record.Node{}, Links: []record.Link{}, Balancers: []record.Balancer{},
	}}
}

// multipathLines are their lines.
func multipathLines(t testing.TB) []byte {
	return written(t, testConfig, func(w *Writer) {
		for _, m := range multipathSamples() {
			if err := w.Write(m); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestGoldenMultipath(t *testing.T) { golden(t, "multipath.ndjson", multipathLines(t)) }

// Records are read as they were, whichever way.
func TestMultipath(t *testing.T) {
	lines := bytes.Split(bytes.TrimSpace(multipathLines(t)), []byte("\n"))
	for i, want := range multipathSamples() {
		for name, line := range map[string][]byte{
			"ours": lines[i], "shuffled": shuffled(lines[i]),
			"by encoding/json": bytes.Replace(lines[i], []byte(`{"type"`), []byte(`{"Later":1,"type"`), 1),
		} {
			got, err := Decode(line)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(record.Record(want), got); diff != "" {
				t.Errorf("record %d, %s (-want +got):\n%s", i, name, diff)
			}
		}
	}
}

// Values that no record has are errors that name the field.
func TestMultipathWrong(t *testing.T) {
	line := string(bytes.SplitN(multipathLines(t), []byte("\n"), 2)[0])
	for _, tt := range []struct{ from, to, want string }{
		{`"mda":"lite"`, `"mda":"some"`, `unknown variant "some"`},
		{`"probes":61`, `"probes":-61`, "probes is -61"},
		{`"flows":16`, `"flows":-1`, "nodes.flows is -1"},
		{`"flows":2,`, `"flows":9007199254740992,`, "links.flows is"},
		{`"kind":"flow"`, `"kind":"flows"`, `unknown kind of balancer "flows"`},
		{`"state":"limited"`, `"state":""`, `unknown state of a balancer ""`},
		{`"confidence":0.965`, `"confidence":1.5`, "confidence is 1.5"},
		{`"hash_fields":[]`, `"hash_fields":["mac"]`, `unknown header field "mac"`},
		{`"ttl":3`, `"ttl":256`, "ttl"},
		{`"addr":"203.0.113.1"`, `"addr":"203.0.113"`, "203.0.113"},
	} {
		if !strings.Contains(line, tt.from) {
			t.Fatalf("no %s in %s", tt.from, line)
		}
		if got, err := Decode([]byte(strings.Replace(line, tt.from, tt.to, 1))); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v", tt.to, got, err)
		}
	}
}

// A confidence is never more than it was, and stays the same when it is written again.
func TestShare(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 2: "1", -1: "0", math.NaN(): "0", math.Inf(1): "1", 0.95: "0.95", 0.29: "0.29", 0.9999999: "0.999999",
		0.9499996: "0.949999", 1.0 / 3: "0.333333", 1e-7: "0",
	} {
		got := appendShare(nil, v)
		if string(got) != want {
			t.Errorf("%v: %s, want %s", v, got, want)
		}
		var again float64
		if err := json.Unmarshal(got, &again); err != nil || !slices.Equal(appendShare(nil, again), got) {
			t.Errorf("%v: %s becomes %s, %v", v, got, appendShare(nil, again), err)
		}
	}
	for n := range uint64(millionths) + 1 {
		if got := uint64(min(float64(n)/millionths, 1)*millionths + 1e-6); got != n {
			t.Fatalf("%d becomes %d", n, got)
		}
	}
}

// Multipath records go where traces do, and to the file of --meta: the others have nothing but
// records of scamper, or replies.
func TestMultipathKinds(t *testing.T) {
	for _, tt := range []struct {
		conf Config
		want int
	}{
		{Config{}, 1}, {Config{Kinds: record.Traces}, 1}, {Config{Kinds: record.Replies}, 0},
		{Config{Only: TraceLines}, 0}, {Config{Only: ReplyLines}, 0}, {Config{Only: MetaLines}, 1},
	} {
		got := written(t, tt.conf, func(w *Writer) {
			if err := w.Write(multipathSamples()[0]); err != nil {
				t.Fatal(err)
			}
		})
		if n := bytes.Count(got, []byte("\n")); n != tt.want {
			t.Errorf("%+v: %d lines", tt.conf, n)
		}
	}
}

// Writing a record allocates nothing.
func TestMultipathAllocations(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b, testConfig)
	m := multipathSamples()[1]
	if n := testing.AllocsPerRun(100, func() {
		if err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

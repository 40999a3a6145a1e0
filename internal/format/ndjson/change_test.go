package ndjson

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// changeSample has every field.
func changeSample() *record.PathChange {
	return &record.PathChange{
		Number: 7, Kind: record.RouteChange, Confidence: 0.996, Time: 1790000009e9, NotBefore: 1790000001e9, NotAfter: 1790000004e9,
		Target: target4, Source: source4, Method: probe.UDP, TTL: 5, Old: addr("203.0.113.5"), New: addr("203.0.113.55"),
		Before:  []record.Node{{TTL: 4, Addr: addr("203.0.113.4")}, {TTL: 5, Addr: addr("203.0.113.5")}, {TTL: 6, Addr: addr("203.0.113.6")}},
		After:   []record.Node{{TTL: 4, Addr: addr("203.0.113.4")}, {TTL: 5, Addr: addr("203.0.113.55")}, {TTL: 6}, {TTL: 7, Addr: addr("203.0.113.6")}},
		Reached: true, Affected: 2, Targets: []probe.Addr{target4, addr("198.51.100.77")}, Flows: 8, Probes: 31,
	}
}

func changeLines(t testing.TB) []byte {
	return written(t, testConfig, func(w *Writer) {
		if err := w.Write(changeSample()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestGoldenChange(t *testing.T) { golden(t, "change.ndjson", changeLines(t)) }

// A record is read as it was, and values that no record has are errors.
func TestChange(t *testing.T) {
	line := bytes.TrimSpace(changeLines(t))
	if err := check(line); err != nil {
		t.Error(err)
	}
	got, err := Decode(line)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(record.Record(changeSample()), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, tt := range []struct{ from, to, want string }{
		{`"kind":"route"`, `"kind":"road"`, `unknown kind of change "road"`},
		{`"affected":2`, `"affected":-2`, "affected is -2"},
		{`"confidence":0.996`, `"confidence":2`, "confidence is 2"},
		{`"addr":"203.0.113.4"`, `"addr":"x"`, "change record"},
	} {
		if got, err := Decode([]byte(strings.Replace(string(line), tt.from, tt.to, 1))); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v", tt.to, got, err)
		}
	}
}

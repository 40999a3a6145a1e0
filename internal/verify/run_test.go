package verify

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

var update = flag.Bool("update", false, "write the goldens anew")

// files writes results, log and lists of a prober into a directory.
func files(t *testing.T, p *prober) Config {
	t.Helper()
	results, log := p.run(t)
	dir := t.TempDir()
	put := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var list strings.Builder
	for _, d := range p.destinations() {
		list.WriteString(d.String() + "\n")
	}
	return Config{Results: put("results.ndjson", results), Log: put("net.log", log),
		Targets: []string{put("list.txt", []byte(list.String()))}}
}

// TestText compares the table with goldens, for correct and for wrong results.
func TestText(t *testing.T) {
	tests := []struct {
		name   string
		prober prober
	}{
		{"right", prober{preset: "default", attempts: 2, records: record.Both}},
		{"wrong", prober{preset: "nat", flows: 2,
			resend:  func(p probe.Probe) bool { return p.TTL == 4 && p.Flow == 1 && p.Target[15] == 9 },
			another: func(p probe.Probe) bool { return p.TTL == 7 && p.Target[15] == 9 && p.Target[5]&7 == 1 },
			alter: func(traces []*record.Trace) {
				for i := range traces[:6] {
					traces[i].Hops[2].TTL = 9
					traces[i].End--
				}
				traces[9].Hops = traces[9].Hops[3:]
			},
			total: func(s *record.Summary) { s.Sent -= 5; s.Silent -= 7; s.Duplicates += 9 },
		}},
		{"multipath", prober{preset: "multipath", flows: 16, only4: true, set: byFlow, paths: func(list []*record.Multipath) {
			list[3].Nodes[2].Addr = probe.AddrFrom(own4)
			list[4].Links[2].Far = probe.AddrFrom(own4)
			list[5].Remapped = 3
		}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := Run(t.Context(), files(t, &tt.prober))
			if err != nil {
				t.Fatal(err)
			}
			if r.OK() != (tt.name == "right") {
				t.Errorf("faults %q", r.Faults)
			}
			var got bytes.Buffer
			if err := r.Text(&got); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", tt.name+".txt")
			if *update {
				if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s differs (-update writes it):\n%s", golden, got.String())
			}
		})
	}
}

// TestCounters checks differences that the link's losses explain, and others.
func TestCounters(t *testing.T) {
	c := files(t, &prober{preset: "clean", total: func(s *record.Summary) { s.Sent += 3; s.Silent += 3 }})
	c.Counters = filepath.Join(filepath.Dir(c.Log), "counters.json")
	for _, tt := range []struct {
		text     string
		ok       bool
		unlogged int64
	}{
		// The trace-ext records still have another number.
		{`{"simulator":{"received":2560},"lost_in":3}`, false, 0},
		{`{"simulator":{"received":2562},"lost_in":2}`, false, 2},
	} {
		if err := os.WriteFile(c.Counters, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if r.OK() != tt.ok || r.Probes.Unlogged != tt.unlogged || r.Sums.Lines[0].Fault != (tt.unlogged > 0) {
			t.Errorf("%s: %q %+v", tt.text, r.Faults, r.Sums.Lines[0])
		}
	}
}

// TestJSON checks that the report can be marshalled, and that it has the fields that programs read.
func TestJSON(t *testing.T) {
	r := (&prober{preset: "clean"}).check(t, nil)
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back struct {
		Faults []string
		Hops   struct{ Judged, True, Impossible uint64 }
		Recall struct{ Share float64 }
		Sums   struct{ Lines []Sum }
	}
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if back.Faults == nil || back.Hops.True != r.Hops.True || back.Recall.Share != 1 || len(back.Sums.Lines) != 6 {
		t.Errorf("%s", b)
	}
}

// TestPace checks the bins for known times.
func TestPace(t *testing.T) {
	var probes []sent
	for i := range 3000 { // one per ms, then, after a pause, ten at once every 10 ms
		probes = append(probes, sent{time: int64(i) * 1e6})
	}
	for i := range 3000 {
		probes = append(probes, sent{time: 8e9 + int64(i/10)*10e6})
	}
	p := paceOf(probes[:3000])
	if p.RatePPS != 1000 || p.Pauses != 0 || p.Bins[0].CV != 0 || p.Bins[0].Mean != 1 || p.Bins[3].Mean != 1000 {
		t.Errorf("even: %+v", p)
	}
	p = paceOf(probes[3000:])
	if b := p.Bins[0]; b.MaxOverMean < 9.9 || b.CV < 2.9 || p.Bins[1].CV != 0 {
		t.Errorf("bursts: %+v", p.Bins)
	}
	p = paceOf(probes)
	if p.Pauses != 1 || p.PausedS != 5.001 || p.RatePPS < 990 || p.RatePPS > 1010 {
		t.Errorf("with a pause: %+v", p)
	}
	if p := paceOf(nil); p.Probes != 0 || len(p.Bins) != 0 {
		t.Errorf("nothing: %+v", p)
	}
}

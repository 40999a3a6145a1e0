package verify

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

func fourPoints(cfg *netsim.Config) { cfg.VantagePoints = 4 }

// twoPoints returns the results of vantage points 1 and 3 of 4, and their log. alter changes the
// traces of the second one.
func twoPoints(t *testing.T, alter func([]*record.Trace)) (one, three, log []byte) {
	t.Helper()
	first := &prober{preset: "default", set: fourPoints, attempts: 2}
	one, _ = first.run(t)
	second := &prober{vantage: 2, after: first, attempts: 2, alter: alter}
	three, log = second.run(t)
	return one, three, log
}

// merged returns the results of both as one file with one summary, which total changes.
func merged(t *testing.T, one, three []byte, total func(*record.Summary)) []byte {
	t.Helper()
	var out bytes.Buffer
	sum := record.Summary{Run: "test0", Merged: []string{"test0", "test2"}}
	for line := range bytes.Lines(append(bytes.Clone(one), three...)) {
		if !bytes.Contains(line, []byte(`"type":"summary"`)) {
			out.Write(line)
			continue
		}
		var s record.Summary
		if err := json.Unmarshal(line, &s); err != nil {
			t.Fatal(err)
		}
		sum.Account.Add(&s.Account)
	}
	sum.Complete, sum.Reason = true, record.ReasonDone
	total(&sum)
	line, err := json.Marshal(struct {
		Type string `json:"type"`
		record.Summary
	}{"summary", sum})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(append(line, '\n'))
	return out.Bytes()
}

// The results of a vantage point are judged by its own paths, alone, with others, and merged.
func TestVantagePoints(t *testing.T) {
	one, three, log := twoPoints(t, nil)
	whole := merged(t, one, three, func(*record.Summary) {})
	wrong := merged(t, one, three, func(s *record.Summary) { s.Sent -= 100 })
	swapped := bytes.ReplaceAll(three, []byte(`"src":"192.0.2.4"`), []byte(`"src":"192.0.2.5"`))
	for _, tt := range []struct {
		name, points, unjudged string
		results                []byte
		fault                  string // "" if all is right
	}{
		{"first", "vp1", "vp3", one, ""},
		{"second", "vp3", "vp1", three, ""},
		{"both", "vp1 vp3", "", append(bytes.Clone(one), three...), ""},
		{"merged", "vp1 vp3", "", whole, ""},
		{"merged with a wrong sum", "vp1 vp3", "", wrong, "impossible counts in the summary"},
		{"of another vantage point", "vp3 vp4", "vp1", swapped, "vp4: false hops"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := compareBytes(t, tt.results, log, nil)
			points := []string{r.VantagePoint}
			if len(r.VantagePoints) > 0 {
				points = nil
				for _, p := range r.VantagePoints {
					points = append(points, p.VantagePoint)
				}
			}
			if got := strings.Join(points, " "); got != tt.points {
				t.Errorf("vantage points %q, want %q", got, tt.points)
			}
			if got := strings.Join(r.unjudged(), " "); got != tt.unjudged {
				t.Errorf("not judged: %q, want %q", got, tt.unjudged)
			}
			if faults := strings.Join(r.Faults, "; "); (faults == "") != (tt.fault == "") || !strings.Contains(faults, tt.fault) {
				t.Errorf("faults %q, want %q; %v", faults, tt.fault, r.Examples)
			}
			if tt.fault == "" && (r.Recall.Share < 0.98 || r.Hops.Judged == 0 || r.Hops.True != r.Hops.Judged) {
				t.Errorf("recall %+v, hops %+v", r.Recall, r.Hops)
			}
			if tt.name == "merged" && (r.Sums == nil || r.Probes.Targets != 80 || r.Probes.Sent != r.Sums.Lines[0].Said) {
				t.Errorf("probes %+v, sums %+v", r.Probes, r.Sums)
			}
		})
	}
}

// An agent of a fleet that loses its slices leaves probes without records, and that is no fault if
// another vantage point has the traces. Without slices it is one.
func TestLostSlices(t *testing.T) {
	one, three, log := twoPoints(t, nil)
	for _, sliced := range []bool{true, false} {
		kept, lost := loseTraces(t, one, 3)
		all := merged(t, kept, three, func(s *record.Summary) {
			s.Sent -= lost.sent
			s.Answered -= lost.answered
			s.Silent -= lost.sent - lost.answered
		})
		if sliced {
			all = bytes.ReplaceAll(all, []byte(`"type":"run",`), []byte(`"type":"run","vantage":{"name":"a","clock_offset_ns":0,"clock_error_ns":0},`))
		}
		r := compareBytes(t, all, log, nil)
		wrong := false
		for _, l := range r.Sums.Lines {
			wrong = wrong || l.Name == "sent" && l.Fault
		}
		if wrong == sliced || sliced && r.VantagePoints[0].Probes.Abandoned != lost.sent {
			t.Errorf("slices %v: %d probes lost, %d abandoned, faults %v", sliced, lost.sent, r.VantagePoints[0].Probes.Abandoned, r.Faults)
		}
	}
}

// A false hop is a fault of its vantage point alone.
func TestFalseHopOfOne(t *testing.T) {
	one, three, log := twoPoints(t, func(traces []*record.Trace) {
		traces[3].Hops[1].Responder = probe.AddrFrom(own4)
	})
	r := compareBytes(t, append(bytes.Clone(one), three...), log, nil)
	if len(r.Faults) != 1 || !strings.HasPrefix(r.Faults[0], "vp3: false hops: 1") || r.Hops.False() != 1 {
		t.Errorf("faults %q, hops %+v", r.Faults, r.Hops)
	}
	var text strings.Builder
	if err := r.Text(&text); err != nil || !strings.Contains(text.String(), "VANTAGE POINT vp3") || !strings.Contains(text.String(), "NOT OK: vp3: false hops: 1.") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

// Files of several runs are accepted if the log has several vantage points.
func TestFilesOfPoints(t *testing.T) {
	one, three, log := twoPoints(t, nil)
	dir := t.TempDir()
	put := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c := Config{Results: put("1.ndjson", one), More: []string{put("3.ndjson", three)}, Log: put("net.log", log)}
	r, err := Run(t.Context(), c)
	if err != nil || !r.OK() || len(r.VantagePoints) != 2 {
		t.Errorf("%v, %+v", err, r)
	}
	_, plain := (&prober{preset: "default"}).run(t)
	c.Log = put("one.log", plain)
	if _, err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "the log has one vantage point") {
		t.Errorf("with the log of one vantage point: %v", err)
	}
}

// lostProbes are those of traces that are not in the results.
type lostProbes struct{ sent, answered uint64 }

// loseTraces removes every n-th target's traces from results.
func loseTraces(t *testing.T, results []byte, n int) (kept []byte, lost lostProbes) {
	t.Helper()
	type line struct {
		Dst  string
		Loss struct{ Sent, Answered uint64 }
	}
	number := map[string]int{}
	for text := range bytes.Lines(results) {
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			t.Fatal(err)
		}
		if l.Dst != "" {
			if _, ok := number[l.Dst]; !ok {
				number[l.Dst] = len(number)
			}
			if number[l.Dst]%n == 0 {
				lost.sent += l.Loss.Sent
				lost.answered += l.Loss.Answered
				continue
			}
		}
		kept = append(kept, text...)
	}
	return kept, lost
}

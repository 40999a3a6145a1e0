package hub

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/metrics/metricstest"
	"github.com/masstrace/masstrace/internal/plan"
)

// shown is a hub with a job and an agent.
func shown(t *testing.T, event func(string)) *Hub {
	t.Helper()
	h, err := Open(Config{Dir: t.TempDir(), Listen: "127.0.0.1:0", Page: "127.0.0.1:0", Software: "masstrace/test", Event: event})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	place := "<script>alert(1)</script>"
	paris := creds.Identity{Name: "paris", Role: creds.Agent, Location: place}
	if _, err := creds.Roster(h.path("people")).Add(paris, h.URL(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := h.readPeople(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(h.path("jobs", "1"), 0o700); err != nil {
		t.Fatal(err)
	}
	w, err := h.newWork(kept{Slices: 4, Key: plan.RandomHex(16), Job: job.Job{ID: "1", Submitter: "alice", Spec: job.Spec{
		Name: "monday", Mode: job.Split, Agents: "*", Options: job.Options{RatePPS: 10},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.jobs = append(h.jobs, w)
	w.refusals["paris"] = "the policy & no more"
	h.agents["paris"] = &agent{state: talk.AgentState{Name: "paris", Location: place, ErrorNS: 5}}
	return h
}

// The page, its data and the metrics are served, and nothing else; words of others are escaped.
func TestPage(t *testing.T) {
	h := shown(t, nil)
	for path, want := range map[string]string{
		"": "&lt;script&gt;alert(1)", "status.json": `"slices":4`,
		"metrics": `masstrace_fleet_job_slices{job="monday",number="1"} 4`, "authority.pem": "404",
	} {
		r, err := http.Get(h.PageURL() + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		closed := r.Body.Close()
		if got := r.Status + string(text); err != nil || closed != nil || !strings.Contains(got, want) || strings.Contains(got, "<script>") {
			t.Errorf("%q: %v, %v, %.2000s", path, err, closed, got)
		}
	}
}

// The names follow the conventions of Prometheus, and docs/fleet.md has a row for each.
func TestMetrics(t *testing.T) {
	h := shown(t, nil)
	metricstest.Lint(t, h.metrics())
	metricstest.Documented(t, h.metrics(), "../../../docs/fleet.md", "masstrace_fleet_")
}

// Without a host, a hub listens on loopback alone.
func TestListensOnLoopback(t *testing.T) {
	h, err := Open(Config{Dir: t.TempDir(), Listen: ":0", Page: ":0"})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(h.URL(), "tls://127.0.0.1:") || !strings.HasPrefix(h.PageURL(), "http://127.0.0.1:") {
		t.Errorf("%s and %s", h.URL(), h.PageURL())
	}
	if err := h.Close(); err != nil {
		t.Error(err)
	}
}

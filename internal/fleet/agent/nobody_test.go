package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/fleet/agent"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/policy"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// A job whose targets the owner of the hub excludes is refused when it is submitted. One whose targets
// no owner of an agent allows has the reasons in its state, and each owner reads its own.
func TestFleetNobodyMay(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris", "tokyo")
	c := f.submitter()
	defer c.Close()
	if err := os.WriteFile(filepath.Join(f.dir, "hub", "exclude"), []byte("45.17.0.0/16\n45.18.0.0/25\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the hub has the exclusions", func() bool {
		_, err := c.Submit(t.Context(), f.spec(c, "45.17.0.0/24\n45.18.0.0/26\n", 4))
		if err == nil { // the hub has not read them yet
			_, err := c.Cancel(t.Context(), "test")
			return err != nil
		}
		return strings.Contains(err.Error(), "the owner of the hub excludes all of the targets")
	})
	f.submit(c, f.spec(c, "45.18.0.0/24", 4)) // half of it may be probed
	if _, err := c.Cancel(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	rules := map[string]string{"paris": "targets 192.0.2.0/24\n", "tokyo": "exclude 45.16.0.0/16\n"}
	for _, mode := range []job.Mode{job.Split, job.Every, job.Assigned} {
		spec := f.spec(c, "45.16.0.0/24", 4)
		spec.Name, spec.Mode = "nobody-"+string(mode), mode
		if mode == job.Assigned {
			spec.Assigned, spec.Targets = map[string]string{"paris": spec.Targets, "tokyo": spec.Targets}, ""
		}
		j := f.submit(c, spec)
		for name, text := range rules {
			p, err := policy.Parse("policy", strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			f.start(name, &simulated{}, p)
		}
		const reason = "the policy does not allow any of the targets"
		var s talk.JobState
		until(t, "the submitter reads that nobody may", func() bool {
			s, _ = jobState(t, c, j.ID)
			return s.Trouble == "all agents of the job refuse it"
		})
		for name := range rules {
			if s.Refusals[name] != reason {
				t.Errorf("%s: %s refuses: %q", mode, name, s.Refusals[name])
			}
			until(t, "the owner of "+name+" reads the reason", func() bool {
				s, err := agent.ReadStatus(filepath.Join(f.dir, name))
				return err == nil && s.Refused[j.ID] == reason
			})
			f.stop(name)
		}
		if s.Done > 0 {
			t.Errorf("%s: %d slices are done", mode, s.Done)
		}
	}
}

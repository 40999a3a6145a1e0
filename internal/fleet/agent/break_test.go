package agent_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/fleet/agent"
	"github.com/masstrace/masstrace/internal/fleet/client"
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/hub"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// held is a prober that reports each slice, and works on it until it is told to go on.
func held() (p *simulated, inside chan struct{}, resume chan struct{}) {
	inside, resume = make(chan struct{}, 64), make(chan struct{})
	return &simulated{hold: func(ctx context.Context, _ *agent.Task) error {
		inside <- struct{}{}
		select {
		case <-resume:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}}, inside, resume
}

// Two agents with the same credentials do not take each other's slices away. The hub serves the
// later one. The owner of the other one reads the reason.
func TestFleetSameCredentialsTwice(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris")
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/24", 4))
	first, inside, _ := held()
	f.start("paris", first, nil)
	<-inside
	f.files["copy"] = f.files["paris"]
	f.start("copy", &simulated{}, nil)
	await(t, c, j.ID)
	if all := union(t, c, j.ID); len(all) != 256 {
		t.Errorf("%d records", len(all))
	}
	until(t, "the first agent reads why", func() bool {
		s, err := agent.ReadStatus(filepath.Join(f.dir, "paris"))
		return err == nil && strings.Contains(s.Trouble, "each vantage point needs a file of its own")
	})
}

// A second hub does not write into the folder of a hub.
func TestFleetTwoHubs(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	h, err := hub.Open(hub.Config{Dir: filepath.Join(f.dir, "hub"), Listen: "127.0.0.1:0", Software: software})
	if err == nil || !strings.Contains(err.Error(), "another hub uses this folder") {
		t.Errorf("a second hub: %v, %v", h, err)
	}
	c := f.submitter() // the first hub still works
	c.Close()
}

// A job that is cancelled in the middle ends at the agents. Its done slices can be fetched, and its
// name is free again.
func TestFleetCancels(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris")
	c := f.submitter()
	defer c.Close()
	prober, inside, resume := held()
	spec := f.spec(c, "45.16.0.0/24", 4)
	j := f.submit(c, spec)
	f.start("paris", prober, nil)
	<-inside
	if _, err := c.Submit(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "not done: choose another name") {
		t.Errorf("the same name twice: %v", err)
	}
	resume <- struct{}{} // the first slice ends
	<-inside
	if _, err := c.Cancel(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	until(t, "the agent stops", func() bool {
		s, err := agent.ReadStatus(filepath.Join(f.dir, "paris"))
		return err == nil && s.Running == nil
	})
	until(t, "the first slice is there", func() bool {
		s, ok := jobState(t, c, j.ID)
		return ok && s.Done == 1 && s.Job.Canceled && s.ByAgent["paris"].Now == 0
	})
	if all := union(t, c, j.ID); len(all) != 64 {
		t.Errorf("%d records", len(all))
	}
	f.submit(c, spec)
}

// A submitter reads no file of another one, and no file of the hub.
func TestFleetForeignFiles(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris")
	mallory := f.add("mallory", creds.Submitter)
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/24", 2))
	f.start("paris", &simulated{}, nil)
	await(t, c, j.ID)
	entries, err := c.Entries(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	var other *client.Client
	until(t, "the other submitter is known", func() bool {
		other, err = client.Open(t.Context(), mallory, "", software)
		return err == nil
	})
	defer other.Close()
	if _, err := other.Segment(t.Context(), j.ID, &entries.Entries[0]); err == nil {
		t.Error("another submitter has read a segment")
	}
	if _, err := other.Entries(t.Context(), j.ID); err == nil {
		t.Error("another submitter has read the manifest")
	}
	if _, err := other.Cancel(t.Context(), j.ID); err == nil {
		t.Error("another submitter has cancelled the job")
	}
	conn, err := talk.Dial(f.user, "", talk.Once, talk.Events{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, name := range []string{"../job.json", "../../authority.pem", "manifest", "/etc/hostname", "paris"} {
		get := talk.Get{Job: j.ID, Unit: &ledger.Unit{Agent: name}}
		if text, err := conn.Fetch(t.Context(), get); err == nil || bytes.Contains([]byte(err.Error()), []byte(f.dir)) {
			t.Errorf("unit %q: %q, %v", name, text, err)
		}
		get = talk.Get{List: name}
		if text, err := conn.Fetch(t.Context(), get); err == nil || bytes.Contains([]byte(err.Error()), []byte(f.dir)) {
			t.Errorf("list %q: %q, %v", name, text, err)
		}
	}
}

// An agent cannot commit the slice of another agent, nor send parts of it.
func TestFleetStolenSlices(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris", "mallory")
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/24", 1))
	prober, inside, resume := held()
	f.start("paris", prober, nil)
	<-inside
	conn, err := talk.Dial(f.files["mallory"], "", talk.Once, talk.Events{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for epoch := range uint64(8) {
		for _, by := range []string{"paris", "mallory"} {
			commit := talk.Commit{Job: j.ID, Entry: ledger.Entry{By: by, Epoch: 1<<32 + epoch, Size: 1}}
			var reply talk.CommitReply
			if _, err := conn.Ask(t.Context(), talk.VerbCommit, &commit, []byte("x"), &reply); err == nil && reply.Taken {
				t.Errorf("a stolen slice of epoch %d by %s was taken", epoch, by)
			}
			put := talk.Put{Job: j.ID}
			put.Epoch = 1<<32 + epoch
			if _, err := conn.Ask(t.Context(), talk.VerbPut, &put, []byte("x"), &talk.PutReply{}); err == nil {
				t.Errorf("a part of a stolen slice of epoch %d was taken", epoch)
			}
		}
	}
	close(resume)
	if s := await(t, c, j.ID); s.ByAgent["paris"].Done != 1 || s.Targets != 256 {
		t.Errorf("state %+v", s)
	}
	if files, err := os.ReadDir(filepath.Join(f.dir, "hub", "jobs", j.ID, "incoming")); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

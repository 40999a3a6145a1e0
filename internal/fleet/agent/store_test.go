package agent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/agent"
	"github.com/masstrace/masstrace/internal/fleet/hub"
	"github.com/masstrace/masstrace/internal/fleet/lease"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/objects"
	"github.com/masstrace/masstrace/internal/fleet/objects/objectstest"
)

// kept returns how many finished slices an agent has.
func (f *fleet) kept(name string) int {
	files, _ := filepath.Glob(filepath.Join(f.dir, name, "segments", "*.json"))
	return len(files)
}

// troubles waits until a person sees, in the state of the job and at the agent, that the hub does
// not take results. The agent keeps them.
func (f *fleet) troubles(t *testing.T, id, want string) {
	t.Helper()
	c := f.submitter()
	defer c.Close()
	until(t, "the job has the trouble", func() bool {
		s, ok := jobState(t, c, id)
		return ok && strings.Contains(s.Trouble, want)
	})
	until(t, "the agent has the trouble", func() bool {
		s, err := agent.ReadStatus(filepath.Join(f.dir, "paris"))
		return err == nil && strings.Contains(s.Trouble, want) && s.Stored > 0
	})
	if f.kept("paris") == 0 {
		t.Error("the agent has deleted its results")
	}
}

// Results go to an object store. While it refuses writes or hangs, agents keep them, and a person
// sees why; afterwards all are there, once, also for the next hub.
func TestFleetObjects(t *testing.T) {
	t.Parallel()
	s := objectstest.New(t)
	bucket, err := objects.New(objects.Config{URL: s.URLOf("fleet"), Credentials: s.Credentials, Patience: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	f := newFleet(t, "paris", "tokyo")
	f.stopHub()
	f.change = func(c *hub.Config) { c.Results = bucket }
	f.startHub()
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/22", 32))
	s.Fail(objectstest.Refuse, -1)
	f.start("paris", &simulated{}, nil)
	f.troubles(t, j.ID, "refuses writes: Access Denied (AccessDenied)")
	s.Fail(objectstest.Hang, -1)
	f.troubles(t, j.ID, "slow")
	f.start("tokyo", &simulated{}, nil)
	s.Fail(objectstest.None, 0)
	if s := await(t, c, j.ID); s.Targets != 1024 || s.Trouble != "" {
		t.Errorf("state %+v", s)
	}
	f.stopHub()
	f.startHub()
	if s := await(t, c, j.ID); s.Targets != 1024 || s.Sent != 1024 {
		t.Errorf("state of the next hub %+v", s)
	}
	if all := union(t, c, j.ID); len(all) != 1024 {
		t.Errorf("%d records", len(all))
	}
	if local, _ := os.ReadDir(filepath.Join(f.dir, "hub", "jobs", j.ID, "segments")); len(local) > 0 {
		t.Errorf("the hub keeps %d segments itself", len(local))
	}
}

// tight is a disk without room, until it has some.
type tight struct {
	ledger.OS
	room *atomic.Bool
}

// Open implements ledger.Disk.
func (d tight) Open(path string, flag int) (ledger.File, error) {
	f, err := d.OS.Open(path, flag)
	return tightFile{f, d.room}, err
}

type tightFile struct {
	ledger.File
	room *atomic.Bool
}

// Write implements io.Writer.
func (f tightFile) Write(b []byte) (int, error) {
	if !f.room.Load() {
		return 0, syscall.ENOSPC
	}
	return f.File.Write(b)
}

// newTightFleet returns a fleet of the agent paris whose hub has a full disk until room is set.
func newTightFleet(t *testing.T) (f *fleet, room *atomic.Bool) {
	f, room = newFleet(t, "paris"), new(atomic.Bool)
	f.stopHub()
	f.change = func(c *hub.Config) { c.Disk = tight{room: room} }
	f.startHub()
	return f, room
}

// A full disk of the hub is a trouble of the job, and ends when there is room.
func TestFleetFullHub(t *testing.T) {
	t.Parallel()
	f, room := newTightFleet(t)
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/24", 8))
	f.start("paris", &simulated{}, nil)
	f.troubles(t, j.ID, "the disk of the hub refuses writes: no space left on device")
	room.Store(true)
	if s := await(t, c, j.ID); s.Targets != 256 || s.Trouble != "" {
		t.Errorf("state %+v", s)
	}
	if all := union(t, c, j.ID); len(all) != 256 {
		t.Errorf("%d records", len(all))
	}
	until(t, "the agent has no trouble", func() bool {
		s, err := agent.ReadStatus(filepath.Join(f.dir, "paris"))
		return err == nil && s.Trouble == "" && s.Stored == 0
	})
}

// A hub that takes nothing does not fill the disk of an agent.
func TestFleetStopsAsking(t *testing.T) {
	t.Parallel()
	f, room := newTightFleet(t)
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/23", 200))
	f.start("paris", &simulated{}, nil)
	until(t, "the agent stops", func() bool { return f.kept("paris") == lease.MostHeld })
	room.Store(true)
	await(t, c, j.ID)
	if all := union(t, c, j.ID); len(all) != 512 {
		t.Error(fmt.Sprint(len(all), " records"))
	}
}

// A clock that is wrong by minutes is told to the submitter and to the owner, and the results have
// the time of the hub.
func TestFleetWrongClock(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris")
	f.clock = func() time.Time { return time.Now().Add(-7 * time.Minute) }
	c := f.submitter()
	defer c.Close()
	began := time.Now()
	j := f.submit(c, f.spec(c, "45.16.0.0/24", 4))
	measured := func() bool {
		reply, err := c.Jobs(t.Context())
		return err == nil && strings.Contains(reply.Agents[0].Trouble, "the clock of the agent is 7m0s behind that of the hub")
	}
	f.start("paris", &simulated{hold: func(ctx context.Context, _ *agent.Task) error {
		until(t, "the hub knows the offset", measured)
		return nil
	}}, nil)
	await(t, c, j.ID)
	until(t, "the owner reads it", func() bool {
		s, err := agent.ReadStatus(filepath.Join(f.dir, "paris"))
		return err == nil && strings.Contains(s.Trouble, "7m0s behind")
	})
	reply, err := c.Entries(t.Context(), j.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range reply.Entries {
		wrong := time.Duration(e.OffsetNS) + 7*time.Minute
		if e.ErrorNS == 0 || wrong.Abs() > time.Duration(e.ErrorNS) {
			t.Errorf("slice %d: offset %v within %v", e.Slice, time.Duration(e.OffsetNS), time.Duration(e.ErrorNS))
		}
		if at := time.Unix(0, e.BeganNS); at.Before(began.Add(-time.Second)) || at.After(time.Now().Add(time.Second)) {
			t.Errorf("slice %d began at %v by the clock of the hub", e.Slice, at)
		}
	}
}

package agent_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/masstrace/masstrace/internal/fleet/agent"
	"github.com/masstrace/masstrace/internal/fleet/client"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// serve answers requests of a verb in place of the hub.
func serve(t *testing.T, nc *nats.Conn, verb string, answer func() any) {
	t.Helper()
	for _, prefix := range []string{talk.AgentRequests, talk.UserRequests} {
		_, err := nc.Subscribe(prefix+"*."+verb, func(m *nats.Msg) {
			data, err := talk.Encode(answer(), nil)
			if err == nil {
				err = m.Respond(data)
			}
			if err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A hub that was taken over chooses numbers, names and digests that lead out of the folders of an agent
// and a submitter. Both refuse them before they touch a file.
func TestFleetHostileHub(t *testing.T) {
	t.Parallel()
	f, s := newClusterFleet(t, "paris")
	nc := dialHub(t, f, s.ClientURL())
	f.stopHub()
	list := job.Digest(nil)
	valid := job.Job{ID: "20260131T000000Z-00000000", Submitter: "alice", Spec: job.Spec{Name: "test", Mode: job.Split, Agents: "*", Targets: list}}
	var bad []job.Job
	for _, way := range []string{"", "../../escaped", "/escaped", "..", "a/b", "x\x1b[2J"} {
		for _, change := range []func(*job.Job){
			func(j *job.Job) { j.ID = way },
			func(j *job.Job) { j.Spec.Name = way },
			func(j *job.Job) { j.Submitter = way },
			func(j *job.Job) { j.Spec.Targets = way + "/" },
			func(j *job.Job) { j.Spec.Exclude = way + "/" },
			func(j *job.Job) { j.Spec.Assigned = map[string]string{"paris": way + "/"} },
			func(j *job.Job) { j.Spec.Assigned = map[string]string{way: list} },
			func(j *job.Job) { j.Members = []string{way} },
		} {
			j := valid
			change(&j)
			if err := j.CheckNames(); err == nil {
				t.Errorf("%+v is taken", j)
			}
			bad = append(bad, j)
		}
	}
	if err := valid.CheckNames(); err != nil {
		t.Error(err)
	}
	hello := func() any { own := talk.Own("masstrace/evil"); return &own }
	serve(t, nc, talk.VerbHello, hello)
	var beats atomic.Int64
	serve(t, nc, talk.VerbBeat, func() any {
		if beats.Add(1) < 3 {
			return &talk.BeatReply{Exclude: "../../escaped"}
		}
		return &talk.BeatReply{}
	})
	serve(t, nc, talk.VerbAsk, func() any { return &talk.Work{Job: &bad[0], Slices: 1, Key: strings.Repeat("0", 32)} })
	entry := ledger.Entry{By: "../../../../escaped", SHA256: list}
	serve(t, nc, talk.VerbEntries, func() any {
		return &talk.EntriesReply{Job: valid, Slices: 1, Total: 1, Entries: []ledger.Entry{entry}}
	})
	f.start("paris", &simulated{}, nil)
	until(t, "the owner reads it", func() bool {
		s, err := agent.ReadStatus(filepath.Join(f.dir, "paris"))
		return err == nil && strings.Contains(s.Trouble, "the hub sends a wrong job")
	})
	c, err := client.Open(t.Context(), f.user, "", software)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Entries(t.Context(), "test"); err == nil || !strings.Contains(err.Error(), "wrong manifest") {
		t.Errorf("a manifest with a way out: %v", err)
	}
	err = filepath.WalkDir(f.dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.Contains(path, "escaped") {
			t.Errorf("%s was made", path)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) { // files of the cluster come and go
		t.Error(err)
	}
}

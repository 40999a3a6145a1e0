package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/broker"
	"github.com/masstrace/masstrace/internal/fleet/client"
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/hub"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// hello asks the hub in the name of an agent, and returns its answer.
func (r *raw) hello(t *testing.T, name string) string {
	t.Helper()
	text, err := talk.Encode(&talk.Hello{Version: talk.Version, Oldest: talk.Oldest, SentNS: time.Now().UnixNano()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Request(talk.AgentRequests+name+"."+talk.VerbHello, text, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return string(m.Data)
}

// dialAgent connects with the key of an agent, which the hub takes.
func dialAgent(t *testing.T, file *creds.File) *raw {
	t.Helper()
	r := dialRaw(t, file)
	if answer := r.hello(t, file.Name); strings.HasPrefix(answer, "!") {
		t.Fatalf("before: %s", answer)
	}
	return r
}

// cutOff waits until the thief, whose connection was closed, gives up. Another name is served as before.
func cutOff(t *testing.T, thief *raw, other *client.Client) {
	t.Helper()
	until(t, "the agent is not let in again", func() bool { return thief.IsClosed() })
	if _, err := other.Jobs(t.Context()); err != nil {
		t.Errorf("another name is cut off, too: %v", err)
	}
}

// revoke revokes a name.
func (f *fleet) revoke(name string) {
	f.t.Helper()
	if err := creds.Roster(filepath.Join(f.dir, "hub", "people")).Revoke(name); err != nil {
		f.t.Fatal(err)
	}
}

// On a cluster that nobody reloads, the hub refuses all requests of a revoked agent, and its owner reads
// what to do. After that, the cluster closes the connection of this agent alone.
func TestFleetRevokesOnCluster(t *testing.T) {
	t.Parallel()
	f, s := newClusterFleet(t, "paris")
	f.stopHub()
	change, events := f.change, make(chan string, 64)
	f.change = func(c *hub.Config) {
		change(c)
		c.Event = func(text string) { events <- text }
	}
	f.startHub()
	c := f.submitter()
	defer c.Close()
	thief := dialAgent(t, f.files["paris"])
	f.revoke("paris")
	until(t, "the hub refuses the agent", func() bool { return strings.Contains(thief.hello(t, "paris"), "was revoked") })
	for text := range events {
		if strings.Contains(text, "reload each server of the cluster") {
			break
		}
	}
	if !thief.IsConnected() {
		t.Error("the cluster has closed the connection: the owner need not reload it")
	}
	if err := s.Reload(); err != nil {
		t.Fatal(err)
	}
	until(t, "the connection is closed", func() bool { return !thief.IsConnected() })
	cutOff(t, thief, c)
}

// With a user of the system account, the hub reloads the cluster itself: one command adds a name, and one
// revokes it and closes its connection.
func TestFleetReloadsCluster(t *testing.T) {
	t.Parallel()
	f := &fleet{t: t, dir: t.TempDir(), files: map[string]*creds.File{}, stops: map[string]func(){}, timing: quick}
	dir, system := filepath.Join(f.dir, "hub"), filepath.Join(f.dir, "system.nk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := broker.WriteUsers(dir, nil); err != nil {
		t.Fatal(err)
	}
	seed, public, err := creds.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(system, seed, 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServer(t, f.dir, fmt.Sprintf(
		"accounts: { FLEET: { jetstream: enabled, include %q }, SYS: { users: [ { nkey: %s, permissions: {\n"+
			"publish: { allow: [\"$SYS.REQ.SERVER.PING.IDZ\", \"$SYS.REQ.SERVER.*.RELOAD\"] }, subscribe: { allow: \"_INBOX.>\" }\n"+
			"} } ] } }\nsystem_account: SYS\n", "hub/"+broker.UsersFile, public))
	var mu sync.Mutex
	var events []string
	f.change = func(c *hub.Config) {
		c.Listen, c.Cluster = "", &broker.Cluster{URL: s.ClientURL(), System: system}
		c.Event = func(text string) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, text)
		}
	}
	f.startHub()
	t.Cleanup(f.stopHub)
	join := func(name string, role creds.Role) *creds.File {
		file := f.add(name, role)
		file.Hub, file.Cluster, file.CA = s.ClientURL(), true, ""
		return file
	}
	f.user, f.files["paris"] = join("alice", creds.Submitter), join("paris", creds.Agent)
	c := f.submitter()
	defer c.Close()
	thief := dialAgent(t, f.files["paris"])
	f.revoke("paris")
	began := time.Now()
	until(t, "the connection is closed", func() bool { return !thief.IsConnected() })
	t.Logf("the connection is closed %v after the command", time.Since(began).Round(time.Millisecond))
	cutOff(t, thief, c)
	until(t, "the owner reads about the server", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Contains(strings.Join(events, "\n"), "new names: 1")
	})
}

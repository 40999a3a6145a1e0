package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/masstrace/masstrace/internal/fleet/broker"
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/hub"
)

// A broker that has lost what it kept loses no slice: the hub and the agents go on.
func TestFleetEmptyBroker(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris", "tokyo")
	c := f.submitter()
	defer c.Close()
	prober, inside, resume := held()
	f.start("paris", prober, nil)
	f.start("tokyo", &simulated{}, nil)
	j := f.submit(c, f.spec(c, "45.16.0.0/22", 16))
	<-inside
	f.stopHub()
	store := filepath.Join(f.dir, "hub", "broker")
	if _, err := os.Stat(store); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(store); err != nil {
		t.Fatal(err)
	}
	f.startHub()
	close(resume)
	if s := await(t, c, j.ID); s.Targets != 1024 {
		t.Errorf("state %+v", s)
	}
	if all := union(t, c, j.ID); len(all) != 1024 {
		t.Errorf("%d records", len(all))
	}
}

// startCluster starts a NATS server with JetStream that takes the users of a hub.
func startCluster(t *testing.T, dir, users string) *server.Server {
	t.Helper()
	return startServer(t, dir, fmt.Sprintf("authorization: { include %q }\n", users))
}

// startServer starts a NATS server with JetStream on loopback. text is what its configuration has besides.
func startServer(t *testing.T, dir, text string) *server.Server {
	t.Helper()
	path := filepath.Join(dir, "nats.conf")
	text = fmt.Sprintf("listen: \"127.0.0.1:-1\"\njetstream: { store_dir: %q }\n", filepath.Join(dir, "jetstream")) + text
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o.NoSigs, o.NoLog = true, true
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	return s
}

// newClusterFleet returns a fleet that meets at a cluster, which knows its names from the file of the
// hub. Nothing is encrypted: it is on loopback.
func newClusterFleet(t *testing.T, names ...string) (*fleet, *server.Server) {
	t.Helper()
	f := &fleet{t: t, dir: t.TempDir(), files: map[string]*creds.File{}, stops: map[string]func(){}, timing: quick}
	dir := filepath.Join(f.dir, "hub")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := broker.WriteUsers(dir, nil); err != nil {
		t.Fatal(err)
	}
	s := startCluster(t, f.dir, "hub/"+broker.UsersFile)
	f.change = func(c *hub.Config) { c.Listen, c.Cluster = "", &broker.Cluster{URL: s.ClientURL()} }
	f.startHub()
	t.Cleanup(func() {
		for name := range f.stops {
			f.stop(name)
		}
		f.stopHub()
	})
	join := func(name string, role creds.Role) *creds.File {
		file := f.add(name, role)
		file.Hub, file.Cluster, file.CA = s.ClientURL(), true, ""
		until(t, "the hub has written "+name, func() bool {
			text, err := os.ReadFile(filepath.Join(dir, broker.UsersFile))
			return err == nil && strings.Contains(string(text), "# "+name)
		})
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
		return file
	}
	f.user = join("alice", creds.Submitter)
	for _, name := range names {
		f.files[name] = join(name, creds.Agent)
	}
	return f, s
}

// A hub and its agents meet at an existing cluster, which knows them from the file of the hub.
func TestFleetOnCluster(t *testing.T) {
	t.Parallel()
	f, _ := newClusterFleet(t, "paris")
	c := f.submitter()
	defer c.Close()
	f.start("paris", &simulated{}, nil)
	j := f.submit(c, f.spec(c, "45.16.0.0/24", 4))
	if s := await(t, c, j.ID); s.Targets != 256 {
		t.Errorf("state %+v", s)
	}
	// The hub is gone for a while, and the cluster keeps its messages.
	f.stopHub()
	f.startHub()
	next := f.submit(c, f.spec(c, "45.16.1.0/24", 4))
	await(t, c, next.ID)
	if all := union(t, c, next.ID); len(all) != 256 {
		t.Errorf("%d records", len(all))
	}
}

// A cluster without the users of the hub is refused with the way to mend it.
func TestFleetStrangeCluster(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "others"), []byte("users = [ { user: a, password: b } ]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startCluster(t, dir, "others")
	_, err := hub.Open(hub.Config{Dir: filepath.Join(dir, "hub"), Software: software, Cluster: &broker.Cluster{URL: s.ClientURL()}})
	if err == nil || !strings.Contains(err.Error(), broker.UsersFile) {
		t.Errorf("%v, want the file to include", err)
	}
	for _, url := range []string{"nats://192.0.2.1:4222", "https://192.0.2.1", "tls://a:b@192.0.2.1:4222"} {
		if _, err := hub.Open(hub.Config{Dir: filepath.Join(dir, "hub"), Software: software, Cluster: &broker.Cluster{URL: url}}); err == nil {
			t.Errorf("%s is taken", url)
		}
	}
}

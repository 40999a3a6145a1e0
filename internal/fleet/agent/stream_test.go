package agent_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// dialHub connects to a cluster with the key of the hub, as its owner can.
func dialHub(t *testing.T, f *fleet, url string) *nats.Conn {
	t.Helper()
	seed, err := os.ReadFile(filepath.Join(f.dir, "hub", "hub.nk"))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := nkeys.FromSeed(bytes.TrimSpace(seed))
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(url, nats.Nkey(public, pair.Sign))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// The stream is removed from the broker while agents work. The hub makes it anew with its messages,
// and the job ends with each target once. Exclusions reach the agents meanwhile.
func TestStreamRemoved(t *testing.T) {
	t.Parallel()
	f, s := newClusterFleet(t, "paris")
	c := f.submitter()
	defer c.Close()
	prober, inside, resume := held()
	f.start("paris", prober, nil)
	j := f.submit(c, f.spec(c, "45.16.0.0/24", 4))
	<-inside
	js, err := dialHub(t, f, s.ClientURL()).JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream(talk.Stream); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.dir, "hub", "exclude"), []byte("45.17.0.0/24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for subject, want := range map[string]string{talk.ExcludeAll: "45.17.0.0", talk.JobsAll: j.ID} {
		until(t, "the stream is there with "+subject, func() bool {
			m, err := js.GetLastMsg(talk.Stream, subject)
			return err == nil && bytes.Contains(m.Data, []byte(want))
		})
	}
	close(resume)
	if s := await(t, c, j.ID); s.Targets != 256 {
		t.Errorf("state %+v", s)
	}
	if all := union(t, c, j.ID); len(all) != 256 {
		t.Errorf("%d records", len(all))
	}
}

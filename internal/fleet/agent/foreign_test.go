package agent_test

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/hub"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// raw is a connection to a broker that keeps to no rule of package talk.
type raw struct {
	*nats.Conn
	mu     sync.Mutex
	faults []string // errors of the broker, which come later
}

// dialRaw connects with the key of a credentials file.
func dialRaw(t *testing.T, file *creds.File) *raw {
	t.Helper()
	secure, err := file.Client()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := nkeys.FromSeed([]byte(file.Seed))
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	r := &raw{}
	options := []nats.Option{nats.Nkey(public, pair.Sign), nats.CustomInboxPrefix(talk.Inbox(file.Name)),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.faults = append(r.faults, err.Error())
		})}
	if !file.Cluster {
		options = append(options, nats.Secure(secure))
	}
	until(t, "the broker knows "+file.Name, func() bool {
		r.Conn, err = nats.Connect(file.Hub, options...)
		return err == nil
	})
	t.Cleanup(r.Close)
	return r
}

// refused waits until the broker has refused that many requests.
func (r *raw) refused(t *testing.T, what string, n int) {
	t.Helper()
	until(t, "the broker refuses "+what, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		count := 0
		for _, text := range r.faults {
			if strings.Contains(strings.ToLower(text), "permissions violation") {
				count++
			}
		}
		return count >= n
	})
}

// send sends a request whose answer should go to a subject.
func (r *raw) send(t *testing.T, subject, reply string, data []byte) {
	t.Helper()
	if err := r.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: data}); err != nil {
		t.Fatal(err)
	}
}

// An agent or a submitter names a subject of another for the answer. The hub, which may write there,
// does not: it counts the request, and tells its owner. No right of JetStream does it instead.
func TestFleetForeignInbox(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "mallory", "tokyo")
	f.stopHub()
	var mu sync.Mutex
	var events []string
	f.change = func(c *hub.Config) {
		c.Event = func(text string) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, text)
		}
	}
	f.startHub()
	tokyo := dialRaw(t, f.files["tokyo"])
	heard := make(chan *nats.Msg, 256)
	for _, subject := range []string{talk.Inbox("tokyo") + ".>", talk.ToAll} {
		if _, err := tokyo.ChanSubscribe(subject, heard); err != nil {
			t.Fatal(err)
		}
	}
	if err := tokyo.Flush(); err != nil {
		t.Fatal(err)
	}
	hello, err := talk.Encode(&talk.Hello{Version: talk.Version, Oldest: talk.Oldest, SentNS: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	aims := []string{
		"", talk.Inbox("tokyo") + ".stolen", talk.ExcludeAll, talk.JobsAll, talk.AgentRequests + "tokyo." + talk.VerbCommit,
		talk.UserRequests + "alice." + talk.VerbSubmit, "_INBOX.any", "$SYS.REQ.SERVER.PING",
	}
	want := uint64(0)
	for name, file := range map[string]*creds.File{"mallory": f.files["mallory"], "alice": f.user} {
		bad, prefix := dialRaw(t, file), talk.AgentRequests
		if file.Role == creds.Submitter {
			prefix = talk.UserRequests
		}
		own := talk.Inbox(name)
		for _, aim := range append(aims, own, own+".", own+"x.any", own+".>", own+".*.a") {
			bad.send(t, prefix+name+"."+talk.VerbHello, aim, hello)
			want++
		}
		// An honest request comes last, and the hub decides in order.
		answer, err := bad.Request(prefix+name+"."+talk.VerbHello, hello, time.Minute)
		if err != nil || bytes.HasPrefix(answer.Data, []byte("!")) {
			t.Fatalf("an honest request: %v, %v", answer, err)
		}
		if got := f.hub.Ignored(); got != want {
			t.Errorf("%d requests were ignored, want %d", got, want)
		}
		for _, subject := range []string{
			"$JS.API.DIRECT.GET." + talk.Stream + "." + talk.ExcludeAll, "$JS.API.STREAM.MSG.GET." + talk.Stream, "$JS.API.STREAM.DELETE." + talk.Stream,
			talk.ExcludeAll, talk.AgentRequests + "tokyo." + talk.VerbHello, talk.Inbox("tokyo") + ".forged",
		} {
			bad.send(t, subject, talk.JobsAll, hello)
		}
		bad.refused(t, "subjects of others", 6)
		for _, subject := range []string{talk.Inbox("tokyo") + ".>", talk.AgentRequests + ">", talk.UserRequests + ">", "$JS.>", ">"} {
			if _, err := bad.SubscribeSync(subject); err != nil {
				t.Fatal(err)
			}
		}
		bad.refused(t, "to hear others", 6+5)
	}
	// The hub answers tokyo after all of that: nothing else is on its way.
	if _, err := tokyo.Request(talk.AgentRequests+"tokyo."+talk.VerbHello, hello, time.Minute); err != nil {
		t.Fatal(err)
	}
	for len(heard) > 0 {
		m := <-heard
		isAnswer := strings.HasPrefix(m.Subject, talk.Inbox("tokyo")) && !strings.HasSuffix(m.Subject, ".stolen") && !strings.HasSuffix(m.Subject, ".forged")
		if isAnswer || slices.Contains(talk.Kept(), m.Subject) && bytes.Contains(m.Data, []byte(`"serial"`)) {
			continue
		}
		t.Errorf("tokyo hears %q on %s", m.Data, m.Subject)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, name := range []string{"mallory", "alice"} {
		told := 0
		for _, text := range events {
			if strings.HasPrefix(text, name+" asks for an answer outside of its own inbox") {
				told++
			}
		}
		if told != 1 {
			t.Errorf("the owner reads %d times about %s, want once: %q", told, name, events)
		}
	}
}

// An agent that was away hears the last message to all from the hub, and of no other subject.
func TestFleetLastMessages(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris")
	c := f.submitter()
	defer c.Close()
	j := f.submit(c, f.spec(c, "45.16.0.0/24", 1))
	var conn *talk.Conn
	until(t, "the agent is known", func() bool {
		var err error
		conn, err = talk.Dial(f.files["paris"], "", talk.Once, talk.Events{})
		return err == nil
	})
	defer conn.Close()
	until(t, "the last message has the job", func() bool {
		data, ok := conn.Last(t.Context(), talk.JobsAll)
		return ok && bytes.Contains(data, []byte(j.ID))
	})
	for _, subject := range []string{"", talk.ToAll, talk.AgentRequests + "paris.hello", "fleet.all.other"} {
		if data, ok := conn.Last(t.Context(), subject); ok {
			t.Errorf("the last message of %q is %q", subject, data)
		}
	}
}

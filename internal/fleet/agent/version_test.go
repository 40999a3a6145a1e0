package agent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// A hello of a later version is refused by its number, although it has fields that this hub does not
// know. The answer names both versions, and so does the state of the agent for submitters.
func TestFleetLaterVersion(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "paris")
	c := f.submitter()
	defer c.Close()
	paris := dialRaw(t, f.files["paris"])
	later := []byte(`{"version":9,"oldest":8,"software":"masstrace/9","shape":{"of":"things"},"sent_ns":"soon"}` + "\n")
	answer, err := paris.Request(talk.AgentRequests+"paris."+talk.VerbHello, later, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	want := "the hub (masstrace/test) speaks version 1 of the messages, and agent paris (masstrace/9) speaks versions 8 to 9 of the messages: update the hub"
	if _, err := talk.DecodeReply(answer.Data, &talk.Hello{}); err == nil || err.Error() != want {
		t.Errorf("the hub answers %v, want %s", err, want)
	}
	reply, err := c.Jobs(t.Context())
	if err != nil || reply.Agents[0].Trouble != want {
		t.Errorf("the state of the agent: %+v, %v; want %s", reply.Agents, err, want)
	}
	// The agent is updated.
	f.start("paris", &simulated{}, nil)
	until(t, "the agent is here", func() bool {
		reply, err := c.Jobs(t.Context())
		return err == nil && reply.Agents[0].Connected && !strings.Contains(reply.Agents[0].Trouble, "version")
	})
	// A later submitter is refused likewise.
	alice := dialRaw(t, f.user)
	answer, err = alice.Request(talk.UserRequests+"alice."+talk.VerbHello, later, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := talk.DecodeReply(answer.Data, &talk.Hello{}); err == nil || !strings.Contains(err.Error(), "submitter alice (masstrace/9) speaks versions 8 to 9") {
		t.Errorf("the hub answers %v", err)
	}
}

package broker

import (
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// allowed returns the subjects to which an identity may send and those that it may hear: requests in
// its own name, the answers to them, and messages to all agents. No subject of JetStream is among
// them: JetStream sends an answer to any subject that a request names.
func allowed(id creds.Identity) (publish, subscribe []string) {
	subscribe = []string{talk.Inbox(id.Name) + ".>"}
	if id.Role == creds.Submitter {
		return []string{talk.UserRequests + id.Name + ".*"}, subscribe
	}
	return []string{talk.AgentRequests + id.Name + ".*"}, append(subscribe, talk.ToAll)
}

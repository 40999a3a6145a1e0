package broker

import (
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// allowed returns the subjects to which an identity may send and those that it may hear: requests in
// its own name, the answers to them, and messages to all agents with the last one of each subject.
func allowed(id creds.Identity) (publish, subscribe []string) {
	subscribe = []string{talk.Inbox(id.Name) + ".>"}
	if id.Role == creds.Submitter {
		return []string{talk.UserRequests + id.Name + ".*"}, subscribe
	}
	return []string{talk.AgentRequests + id.Name + ".*", talk.LastOf + talk.ToAll}, append(subscribe, talk.ToAll)
}

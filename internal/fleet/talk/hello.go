package talk

import (
	"encoding/json"
	"fmt"
)

// Versions of the messages: this program speaks Version and all from Oldest on.
const (
	Version = 1
	Oldest  = 1
)

// Hello begins a connection.
type Hello struct {
	Version  int    `json:"version"`
	Oldest   int    `json:"oldest"`
	Software string `json:"software"`
	Hostname string `json:"hostname"`
	Fresh    bool   `json:"fresh"` // the agent has just begun, and holds no lease
	// Instance is a random name of the process of an agent. Of two processes with the same
	// credentials, the hub serves the one that began later.
	Instance string `json:"instance,omitempty"`
	// SentNS rises with each message of an agent: see After.
	SentNS int64 `json:"sent_ns,omitempty"`
	// After is set in an answer to a hello that is older than a message with After as its SentNS. It
	// had no effect. An agent whose clock was set back sends it again with a later SentNS.
	After int64 `json:"after,omitempty"`
}

// UnmarshalJSON reads a hello of any version. A later version may have fields that this program does
// not know, and others of other types. It is refused by its number, not for its fields: see Speaks.
func (h *Hello) UnmarshalJSON(text []byte) error {
	var numbers struct {
		Version  int    `json:"version"`
		Oldest   int    `json:"oldest"`
		Software string `json:"software"`
	}
	if err := json.Unmarshal(text, &numbers); err != nil {
		return err
	}
	*h = Hello{Version: numbers.Version, Oldest: numbers.Oldest, Software: numbers.Software}
	if !h.isSpoken() {
		return nil
	}
	type plain Hello // has no methods
	return json.Unmarshal(text, (*plain)(h))
}

// isSpoken reports whether this program and a side have a version in common.
func (h *Hello) isSpoken() bool { return h.Version >= Oldest && h.Oldest <= Version }

// Party is a side of a connection, with its name for people.
type Party struct {
	Name string
	Hello
}

// String returns the versions of a side.
func (p *Party) String() string {
	numbers := fmt.Sprintf("version %d", p.Version)
	if p.Oldest != p.Version {
		numbers = fmt.Sprintf("versions %d to %d", p.Oldest, p.Version)
	}
	return fmt.Sprintf("%s (%s) speaks %s of the messages", p.Name, p.Software, numbers)
}

// Speaks returns an error if the two sides have no version in common. It names both.
func Speaks(own, other Party) error {
	if other.isSpoken() {
		return nil
	}
	older := own
	if other.Version < own.Version {
		older = other
	}
	return fmt.Errorf("%s, and %s: update %s", &own, &other, older.Name)
}

// Own returns the hello of this program, without what an agent adds.
func Own(software string) Hello {
	return Hello{Version: Version, Oldest: Oldest, Software: software}
}

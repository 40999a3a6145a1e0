// Package job describes measurements of a fleet, as plain data: what is asked, of which agents, and
// how the work is cut.
package job

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/ledger"
	"github.com/masstrace/masstrace/internal/plan"
)

// Mode is how agents divide the targets.
type Mode string

// The modes.
const (
	Split    Mode = "split"    // each target once, by any agent
	Every    Mode = "every"    // all agents trace all targets
	Assigned Mode = "assigned" // each agent traces the targets that a file gives it
)

// MostSlices bounds the slices of a job, over all agents.
const MostSlices = 4 << 20

// Spec is what a submitter asks for.
type Spec struct {
	Name   string `json:"name"`
	Mode   Mode   `json:"mode"`
	Agents string `json:"agents"` // patterns of names, see Matches
	// Slices is the number of slices, 0 for the choice of the hub.
	Slices  int     `json:"slices,omitempty"`
	Options Options `json:"options"`
	// Request is a random name of the request, 32 hexadecimal digits: a request that comes twice makes
	// one job.
	Request string `json:"request,omitempty"`
	// Key is the key of the job, 32 hexadecimal digits. The hub chooses it if it is empty, and gives
	// agents only keys derived from it.
	Key string `json:"key,omitempty"`
	// Targets is the digest of the list of targets: see Digest. In mode assigned, Assigned has one
	// for each agent instead.
	Targets  string            `json:"targets,omitempty"`
	Assigned map[string]string `json:"assigned,omitempty"`
	Exclude  string            `json:"exclude,omitempty"`
}

// Job is a job that the hub has taken.
type Job struct {
	ID        string    `json:"id"`
	Submitter string    `json:"submitter"`
	Taken     time.Time `json:"taken"`
	Spec      Spec      `json:"spec"`
	// Members are the agents that must do all slices, in modes every and assigned.
	Members  []string `json:"members,omitempty"`
	Canceled bool     `json:"canceled,omitempty"`
}

// Shares reports whether the agents spare each other probes: they trace the same targets with strategy
// topology.
func (j *Job) Shares() bool {
	return j.Spec.Mode == Every && j.Spec.Options.Strategy.Strategy == plan.Topology && len(j.Members) > 1
}

// Check refuses a spec that makes no sense. It does not read the lists.
func (s *Spec) Check() error {
	if err := CheckName(s.Name); err != nil {
		return plan.Refuse("Name", "%v", err)
	}
	for one := range strings.SplitSeq(s.Agents, ",") {
		if _, err := path.Match(strings.TrimSpace(one), "x"); err != nil {
			return plan.Refuse("Agents", "%q is not a pattern", one)
		}
	}
	switch {
	case !slices.Contains([]Mode{Split, Every, Assigned}, s.Mode):
		return plan.Refuse("Mode", "%q is not a mode: use split, every or assigned", s.Mode)
	case (s.Mode == Assigned) != (len(s.Assigned) > 0) || (s.Mode == Assigned) != (s.Targets == ""):
		return plan.Refuse("Assign", "mode assigned needs a file of assignments and no targets; other modes need targets")
	case s.Slices < 0 || s.Slices > MostSlices:
		return plan.Refuse("Slices", "the number of slices must be within 1 to %d", MostSlices)
	case s.Options.RatePPS <= 0:
		return plan.Refuse("RatePPS", "a job needs a rate: all its agents share it")
	}
	for agent := range s.Assigned {
		if err := CheckName(agent); err != nil {
			return plan.Refuse("Assign", "%v", err)
		}
	}
	if s.Key != "" {
		if _, err := plan.KeyOf(s.Key); err != nil {
			return err
		}
	}
	return nil
}

// ListFor returns the digest of the targets of an agent, "" if it has none.
func (s *Spec) ListFor(agent string) string {
	if s.Mode == Assigned {
		return s.Assigned[agent]
	}
	return s.Targets
}

// Owner returns the agent of the units that an agent works on: "" where any agent may do them.
func (s *Spec) Owner(agent string) string {
	if s.Mode == Split {
		return ""
	}
	return agent
}

// Unit returns the unit of a slice that an agent works on.
func (s *Spec) Unit(agent string, slice uint32) ledger.Unit {
	return ledger.Unit{Agent: s.Owner(agent), Slice: slice}
}

// AgentKey derives the key of an agent from that of the job. An agent cannot compute the key of
// another agent, so it cannot forge answers to the probes of another.
func AgentKey(jobKey, agent string) (string, error) {
	key, err := plan.KeyOf(jobKey)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key[:])
	mac.Write([]byte("masstrace key of agent " + agent))
	return hex.EncodeToString(mac.Sum(nil)[:len(key)]), nil
}

// Digest returns the name of a list: its SHA-256 in hexadecimal.
func Digest(list []byte) string {
	sum := sha256.Sum256(list)
	return hex.EncodeToString(sum[:])
}

// DigestOf returns the digest of a list that is read.
func DigestOf(list io.Reader) (string, error) {
	sum := sha256.New()
	_, err := io.Copy(sum, list)
	return hex.EncodeToString(sum.Sum(nil)), err
}

// Decode reads JSON strictly: an unknown field is an error, because it is an option of a later
// version.
func Decode(text []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("unknown or damaged: %w", err)
	}
	return nil
}

// Package talk is what agents, submitters and the hub say to each other: subjects, messages and
// the connection. A message is a line of JSON, then octets for the messages that carry a part of a
// file.
//
//	fleet.agent.NAME.VERB   a request of an agent; the broker checks its name
//	fleet.user.NAME.VERB    a request of a submitter
//	fleet.all.exclude       the exclusion list, from the hub to all agents
//	fleet.all.jobs          which jobs have work left, likewise
//
// A JetStream stream keeps the last message of each subject to all. A message to all has a serial
// number, which rises also over lives of the hub: an agent ignores a message that is older than one it
// has had. The stream is no authority: the answers to beats are.
package talk

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/budget"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/lease"
	"github.com/masstrace/masstrace/internal/fleet/ledger"
)

// Chunk is the size of a part of a file in a message, in bytes. NATS takes messages of 1 MiB.
const Chunk = 512 << 10

// The subjects.
const (
	AgentRequests = "fleet.agent."
	UserRequests  = "fleet.user."
	ExcludeAll    = "fleet.all.exclude"
	JobsAll       = "fleet.all.jobs"
	ToAll         = "fleet.all.>"
	// Stream keeps the last message of each subject to all.
	Stream = "masstrace-fleet"
)

// Kept returns the subjects of Stream.
func Kept() []string { return []string{ExcludeAll, JobsAll} }

// Inbox returns the prefix of the subjects on which a name hears answers.
func Inbox(name string) string { return "_INBOX_" + name }

// IsInboxOf reports whether a subject is one on which a name hears answers, and nobody else.
func IsInboxOf(name, subject string) bool {
	rest, ok := strings.CutPrefix(subject, Inbox(name)+".")
	return ok && rest != "" && !strings.ContainsAny(rest, "*> \t\r\n")
}

// Verbs of agents.
const (
	VerbHello   = "hello"
	VerbBeat    = "beat"
	VerbAsk     = "ask"
	VerbPut     = "put"
	VerbCommit  = "commit"
	VerbRelease = "release"
	VerbRefuse  = "refuse"
	VerbApplied = "applied"
	VerbLast    = "last"
)

// Verbs of submitters; Get is one of agents, too.
const (
	VerbGet     = "get"
	VerbList    = "list"
	VerbSubmit  = "submit"
	VerbJobs    = "jobs"
	VerbCancel  = "cancel"
	VerbEntries = "entries"
)

// Beat is the life sign of an agent, several times a second.
type Beat struct {
	SentNS int64              `json:"sent_ns"` // by the agent's clock
	Want   map[string]float64 `json:"want"`    // by job: the highest rate of use, 0 for no limit
	Holds  []Held             `json:"holds"`
	// FirstHops are the routers near the agent that its probes for a job meet.
	FirstHops map[string][]netip.Addr `json:"first_hops,omitempty"`

	OffsetNS int64  `json:"offset_ns"`
	ErrorNS  int64  `json:"error_ns"` // of OffsetNS; 0 if not measured
	Trouble  string `json:"trouble,omitempty"`
	Stored   int    `json:"stored"` // segments that wait for the hub
	Instance string `json:"instance,omitempty"`
}

// Held is a lease with its progress.
type Held struct {
	Job string `json:"job"`
	lease.Lease
	Token    string  `json:"token"` // see Work
	Sent     uint64  `json:"sent"`
	Answered uint64  `json:"answered"`
	Share    float64 `json:"share"`
}

// BeatReply is the answer of the hub.
type BeatReply struct {
	// CameNS and HubNS are when the hub got the beat, and when it answered, by its clock.
	CameNS  int64                   `json:"came_ns"`
	HubNS   int64                   `json:"hub_ns"`
	Grants  map[string]budget.Grant `json:"grants"`
	Lost    []Held                  `json:"lost"`    // leases that the agent no longer has
	Ended   []string                `json:"ended"`   // jobs of the agent that are cancelled
	Exclude string                  `json:"exclude"` // digest of the exclusion list

	Limits map[string]Limits `json:"limits,omitempty"` // by job
}

// Limits are the parts of an agent of the limits of a job: of the rate to each prefix, nil if that is
// not limited, and of the rate of probes that first hops have to answer.
type Limits struct {
	Prefixes  *budget.Slot               `json:"prefixes,omitempty"`
	FirstHops map[netip.Addr]budget.Slot `json:"first_hops,omitempty"`
}

// MostFirstHops is how many first hops an agent may report.
const MostFirstHops = 64

// Ask asks for a slice. Leases of the agent that are not in Holds end: the answers with them were
// lost.
type Ask struct {
	SentNS int64  `json:"sent_ns"` // rises with each request
	Holds  []Held `json:"holds"`

	Instance string `json:"instance,omitempty"`
}

// Work is the answer to a request for work. Job is nil if there is none now.
type Work struct {
	Job    *job.Job    `json:"job"`
	Slices int         `json:"slices"`
	Lease  lease.Lease `json:"lease"`
	// Token proves to a later hub that the agent has had the lease (package lease).
	Token string `json:"token"`
	Key   string `json:"key"` // of this agent, for this job
	// Location and AS are those of the agent, as the owner of the hub names them.
	Location string `json:"location,omitempty"`
	AS       string `json:"as,omitempty"`
	// Exclude is the digest of the exclusion list of the hub.
	Exclude string `json:"exclude"`
	// Pathfinder is the agent whose paths to the targets of the slice spare probes, "" if there are
	// none; see Get.Known.
	Pathfinder string `json:"pathfinder,omitempty"`
}

// Put carries a part of a segment, at an offset.
type Put struct {
	Job string `json:"job"`
	lease.Lease
	Token  string `json:"token"` // see Work
	Offset int64  `json:"offset"`
}

// PutReply has the size of what the hub has.
type PutReply struct {
	Size int64 `json:"size"`
}

// Commit asks to enter a segment in the ledger.
type Commit struct {
	Job   string       `json:"job"`
	Entry ledger.Entry `json:"entry"`
	Token string       `json:"token"` // see Work
}

// CommitReply answers that the agent may delete the segment: it is Taken, or Refused for good.
type CommitReply struct {
	Taken   bool   `json:"taken"`
	Refused string `json:"refused,omitempty"`
}

// Release gives a slice back.
type Release struct {
	Job string `json:"job"`
	lease.Lease
	Reason string `json:"reason"`
}

// Refuse is that the policy of an agent does not allow a job.
type Refuse struct {
	SentNS int64  `json:"sent_ns"` // rises with each refusal
	Job    string `json:"job"`
	Reason string `json:"reason"`
}

// Exclusion announces an exclusion list to all agents. The list follows, unless it is too long.
type Exclusion struct {
	Serial  uint64 `json:"serial"`
	Exclude string `json:"exclude"` // digest
}

// OpenJobs announces to all agents which jobs have work left.
type OpenJobs struct {
	Serial uint64   `json:"serial"`
	Open   []string `json:"open"` // numbers
}

// Last asks for the last message to all agents of a subject that the broker has kept. The message
// follows the answer; it is empty if there is none.
type Last struct {
	Subject string `json:"subject"`
}

// Applied is that an agent sends no more probes to what an exclusion list has.
type Applied struct {
	Exclude string `json:"exclude"`
}

// Get asks for a part of a file: a list by its digest, the segment of a unit of a job, or, if Known is
// set, the paths to the targets of a slice (package known).
type Get struct {
	List   string       `json:"list,omitempty"`
	Job    string       `json:"job,omitempty"`
	Unit   *ledger.Unit `json:"unit,omitempty"`
	Known  bool         `json:"known,omitempty"`
	Slice  uint32       `json:"slice,omitempty"`
	Offset int64        `json:"offset"`
}

// GetReply comes with the octets from Offset on.
type GetReply struct {
	Size int64 `json:"size"` // of the whole file
}

// List carries a part of a list, named by its digest.
type List struct {
	Digest string `json:"digest"`
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"`
}

// JobName names a job by its number or name.
type JobName struct {
	Job string `json:"job"`
}

// Entries asks for the entries of a job, from number From on.
type Entries struct {
	Job  string `json:"job"`
	From int    `json:"from"`
}

// EntriesReply has some entries, in the order of units.
type EntriesReply struct {
	Job     job.Job        `json:"job"`
	Slices  int            `json:"slices"`
	Entries []ledger.Entry `json:"entries"`
	Total   int            `json:"total"`
	Agents  []AgentState   `json:"agents"`
}

// JobState is how a job goes.
type JobState struct {
	Job      job.Job           `json:"job"`
	Slices   int               `json:"slices"` // over all agents
	Done     int               `json:"done"`
	Retaken  int               `json:"retaken"`
	Targets  uint64            `json:"targets"`
	Sent     uint64            `json:"sent"`
	Answered uint64            `json:"answered"`
	InForce  float64           `json:"in_force_pps"`
	Refusals map[string]string `json:"refusals"` // by agent
	Failures map[string]string `json:"failures"` // the last one of each agent
	Trouble  string            `json:"trouble,omitempty"`
	ByAgent  map[string]Share  `json:"by_agent"`
}

// Share is the part of an agent in a job.
type Share struct {
	Done int     `json:"done"`
	Now  int     `json:"now"` // leases in force
	Rate float64 `json:"rate_pps"`
	// Part is how far its unfinished slices are, together, and Sent their probes.
	Part float64 `json:"part,omitempty"`
	Sent uint64  `json:"sent,omitempty"`
}

// Add counts the progress of leases that are of a job.
func (s *Share) Add(holds []Held, id string) {
	for _, h := range holds {
		if h.Job == id {
			s.Part += h.Share
			s.Sent += h.Sent
		}
	}
}

// AgentState is what the hub knows about an agent.
type AgentState struct {
	Name      string    `json:"name"`
	Location  string    `json:"location,omitempty"`
	AS        string    `json:"as,omitempty"`
	Software  string    `json:"software"`
	Hostname  string    `json:"hostname"`
	Seen      time.Time `json:"seen"`
	Connected bool      `json:"connected"`
	OffsetNS  int64     `json:"offset_ns"`
	ErrorNS   int64     `json:"error_ns"`
	Trouble   string    `json:"trouble,omitempty"`
	Stored    int       `json:"stored"`
	// AppliedMS is how long the last exclusion took to reach the last probe of the agent, in ms.
	AppliedMS float64 `json:"applied_ms,omitempty"`
}

// ListJobs asks for one job, or for all from a number on.
type ListJobs struct {
	Job  string `json:"job,omitempty"`
	From int    `json:"from,omitempty"`
}

// JobsReply has jobs, how many there are, and in the first answer all agents.
type JobsReply struct {
	Total  int          `json:"total"`
	Jobs   []JobState   `json:"jobs"`
	Agents []AgentState `json:"agents"`
	// Results is where the hub keeps them: its folder, or the URL of an object store.
	Results string `json:"results"`
}

// fault is the answer to a request that failed.
type fault struct {
	Error string `json:"error"`
}

// Encode returns a message with a head and octets.
func Encode(head any, body []byte) ([]byte, error) {
	text, err := json.Marshal(head)
	if err != nil {
		return nil, err
	}
	return append(append(text, '\n'), body...), nil
}

// Decode reads a message. An unknown field of the head is an error.
func Decode(data []byte, head any) (body []byte, err error) {
	text, body, ok := bytes.Cut(data, []byte("\n"))
	if !ok {
		return nil, errors.New("a message without a head")
	}
	return body, job.Decode(text, head)
}

// EncodeFault returns the answer to a request that failed.
func EncodeFault(err error) []byte {
	text, _ := json.Marshal(fault{err.Error()}) // cannot fail
	return append(append([]byte("!"), text...), '\n')
}

// Refusal is an error that the hub has answered.
type Refusal string

// Error implements error.
func (r Refusal) Error() string { return string(r) }

// DecodeReply reads an answer; a Refusal is what the hub refused.
func DecodeReply(data []byte, head any) (body []byte, err error) {
	if rest, ok := bytes.CutPrefix(data, []byte("!")); ok {
		var f fault
		if err := json.Unmarshal(rest, &f); err != nil {
			return nil, err
		}
		return nil, Refusal(f.Error)
	}
	return Decode(data, head)
}

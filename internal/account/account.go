// Package account counts every probe and every received frame.
//
// Each window has an Account of its own. Live counts, the summary, a checkpoint, a resumed
// run, merged shards and replays are sums of accounts. Add adds every count. So a new
// reason is one field here, with its name in records (json) and its words for people
// (text).
//
// Balance checks three equations. Every (target, TTL, flow) was sent once or skipped for
// one reason. Every probe sent was answered or silent. Every received frame is in exactly
// one count.
package account

import (
	"sync/atomic"
	"unsafe"

	"github.com/masstrace/masstrace/internal/probe"
)

// Account has the counts of the probes of some targets, and of the frames that were
// received meanwhile. Its groups are embedded: a record has their counts side by side. An
// Account is a value; it is used by one goroutine at a time.
type Account struct {
	Probes
	Limits
	FirstAttempts
	Inbound[uint64]
}

// Probes counts probes, all attempts.
type Probes struct {
	Targets uint64 `json:"targets"`
	TTLs    uint64 `json:"ttls"`  // requested, of each target; equal in all accounts of a sum
	Flows   uint64 `json:"flows"` // of each target; likewise

	Sent     uint64 `json:"sent"`      // that the kernel took
	Answered uint64 `json:"answered"`  // of Sent, with a reply in time
	Silent   uint64 `json:"silent"`    // of Sent, without
	TxErrors uint64 `json:"tx_errors"` // that the kernel never took

	// TxErrorsBy are TxErrors by cause. They are 0 in replays, which do not know causes.
	TxErrorsBy TxErrorsBy `json:"tx_errors_by,omitzero"`

	// Abandoned are probes in no other count: a stopped run sent them in windows that it
	// leaves to be done again from its checkpoint.
	Abandoned uint64 `json:"abandoned,omitempty"`

	SilentBy SilentBy `json:"silent_by"`
	ByTTL    ByTTL    `json:"by_ttl,omitzero"` // where TTLs are known
}

// TxErrorsBy counts probes that the kernel never took, by cause.
type TxErrorsBy struct {
	NoBuffers uint64 `json:"no_buffers" text:"a queue was full, or an egress filter drops them (ENOBUFS, EAGAIN)"`
	NoRoute   uint64 `json:"no_route" text:"no route to the target (EHOSTUNREACH, ENETUNREACH)"`
	TooBig    uint64 `json:"too_big" text:"larger than the MTU (EMSGSIZE)"`
	LinkDown  uint64 `json:"link_down" text:"the link was down (ENETDOWN, ENXIO, ENODEV)"`
	RunEnded  uint64 `json:"run_ended" text:"the run ended before the kernel took them"`
	Other     uint64 `json:"other" text:"another error of the kernel"`
}

// Total returns the sum over all causes.
func (b *TxErrorsBy) Total() uint64 { return total(b) }

// SilentBy counts silent probes by their possible reason; the first reason that applies
// counts. A frame that the kernel dropped belongs to no known probe: of Drops, at most as
// many probes were answered as frames were dropped.
type SilentBy struct {
	Drops       uint64 `json:"kernel_drops"` // frames were dropped while their replies were awaited
	RateLimited uint64 `json:"rate_limited"` // their responder limits the rate of its answers
	Unknown     uint64 `json:"unknown"`      // in the network, probably
}

// Total returns the sum over all reasons.
func (s *SilentBy) Total() uint64 { return total(s) }

// TTLCounts are the counts of Probes for one TTL, all attempts.
type TTLCounts struct {
	Sent     uint64   `json:"sent"`
	Answered uint64   `json:"answered"`
	Silent   uint64   `json:"silent"`
	SilentBy SilentBy `json:"silent_by"`
	Late     uint64   `json:"late_replies"` // frames; their probes may be answered
	TxErrors uint64   `json:"tx_errors"`
}

// FirstAttempts counts the (target, TTL, flow): each was sent once or skipped.
type FirstAttempts struct {
	// Further are those that strategy multipath chose beside the requested flows of Probes.
	Further   uint64  `json:"further_flows,omitempty"`
	FirstSent uint64  `json:"first_sent"`
	Skipped   Skipped `json:"skipped"`
}

// Skipped counts the (target, TTL, flow) that were not probed, by reason.
type Skipped struct {
	Reached     uint64 `json:"reached" text:"beyond a target that had answered"`
	Unreachable uint64 `json:"unreachable,omitempty" text:"beyond a router that reported the target unreachable"`
	Loop        uint64 `json:"loop,omitempty" text:"beyond a loop of routers"`
	GapLimit    uint64 `json:"gap_limit,omitempty" text:"beyond too many silent TTLs in a row"`
	Known       uint64 `json:"known,omitempty" text:"on parts of paths that other traces show"`
	Limited     uint64 `json:"limited,omitempty" text:"at routers that limit their answer rate"`
	Excluded    uint64 `json:"excluded" text:"excluded during the run"` // by the sender's check
	Interrupted uint64 `json:"interrupted" text:"not sent before the run ended"`
	TxError     uint64 `json:"tx_error" text:"refused by the kernel"`
}

// Total returns the sum over all reasons.
func (s *Skipped) Total() uint64 { return total(s) }

// Count is a count of a value (uint64) or one that other goroutines may read at any time.
type Count interface{ uint64 | atomic.Uint64 }

// Inbound counts received frames: each is in exactly one count, the first that fits. The
// comments of the exceptions name the counts that contain them.
type Inbound[N Count] struct {
	Frames     N           `json:"frames"`    // all of them
	Malformed  N           `json:"malformed"` // cut, or with lengths that contradict each other
	Unrelated  N           `json:"unrelated"` // answer no probe of any run like this
	Rejected   Rejected[N] `json:"rejected"`
	Late       N           `json:"late_replies"`         // their window is gone
	Duplicates N           `json:"duplicates"`           // their probe has a reply
	Superseded N           `json:"superseded,omitempty"` // a later reply to their probe proves more
	Weak       N           `json:"weak"`
	Strong     N           `json:"strong"`
	Unverified N           `json:"unverified,omitempty"` // a replay's without the key
	Fragments  N           `json:"fragments,omitempty"`  // of Unrelated, fragments of IP packets
	// UDPReplies are those of Strong and Weak that answer no single probe: datagrams from
	// a target's probed port. PureACKs likewise: they acknowledge an earlier probe.
	UDPReplies N        `json:"udp_reply"`
	PureACKs   N        `json:"pure_ack,omitempty"`
	Drops      Drops[N] `json:"drops"` // not in Frames: nothing could read them
}

// Rejected counts frames that look like answers and are not, by reason. Words gives the
// counts above 0.
type Rejected[N Count] struct {
	Checksum N `json:"checksum"` // a wrong checksum or length of its own
	Source   N `json:"source"`   // quotes another source, on too little evidence
	Tag      N `json:"tag"`      // no tag is valid
	Conflict N `json:"conflict"` // its tags are for different probes, or others speak against it
	Unsent   N `json:"unsent"`   // names a probe that was never sent
	// Responder: comes from an address that no host has, and that is not the target's.
	Responder N `json:"responder,omitempty"`
}

// Total returns the sum over all reasons.
func (r *Rejected[N]) Total() uint64 { return total(r) }

// Drops counts frames and data that were lost before masstrace could read them.
type Drops[N Count] struct {
	Kernel     N `json:"kernel"`     // frames: the capture buffer was full
	Interface  N `json:"interface"`  // frames: the link dropped them
	Extensions N `json:"extensions"` // extension structures and further copies without room
}

// Heard has the counts of received frames, and the TTLs of late replies. A live one, of
// atomic.Uint64, is shared by receiver and matcher, which count in one goroutine; others
// may read it at any time.
type Heard[N Count] struct {
	Inbound[N]
	LateAt [probe.MaxTTL + 1]N // of Late; 0 for replies that show no hop
}

// Live is a Heard that is counted in.
type Live = Heard[atomic.Uint64]

// Load returns the counts of l so far.
func Load(l *Live) (h Heard[uint64]) {
	from, to := words(l), words(&h)
	for i := range from {
		to[i] = atomic.LoadUint64(&from[i])
	}
	return h
}

// Plus adds the counts of o.
func Plus(h, o *Heard[uint64]) { add(words(h), words(o)) }

// Minus subtracts the counts of o, which must be part of h.
func Minus(h, o *Heard[uint64]) {
	from, less := words(h), words(o)
	for i := range from {
		from[i] -= less[i]
	}
}

// Hear adds the counts of received frames.
func (a *Account) Hear(h *Heard[uint64]) {
	add(words(&a.Inbound), words(&h.Inbound))
	for ttl := 1; ttl < len(h.LateAt); ttl++ {
		a.ByTTL[ttl].Late += h.LateAt[ttl]
	}
}

// Add adds the counts of o, which are of other targets. Both must have the same TTLs and
// flows; an empty account takes those of o.
func (a *Account) Add(o *Account) {
	ttls, flows := max(a.TTLs, o.TTLs), max(a.Flows, o.Flows)
	add(words(&a.Probes), words(&o.Probes))
	add(words(&a.FirstAttempts), words(&o.FirstAttempts))
	add(words(&a.Inbound), words(&o.Inbound))
	a.TTLs, a.Flows = ttls, flows
	a.Limits.add(&o.Limits)
}

// words returns the counts of a group, which consists of nothing else, as a list. A test
// holds the groups to that.
func words[T any](group *T) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(group)), unsafe.Sizeof(*group)/8)
}

func add(to, more []uint64) {
	for i := range to {
		to[i] += more[i]
	}
}

func total[T any](group *T) (sum uint64) {
	for _, n := range words(group) {
		sum += n
	}
	return sum
}

package masstrace

import (
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// Path is a trace: one vantage point's hops to one target over one flow.
type Path struct {
	Target, Source netip.Addr
	Method         Method
	Flow           int // index, from 0
	Start          time.Time
	StopReason     string // COMPLETED, UNREACH, GAPLIMIT, LOOP, HOPLIMIT, GSS or HALTED
	LastTTL        int    // that belongs to the trace
	Reached        bool   // the target answered
	Distance       int    // TTL with which a probe just reaches the target, 0 if it is not known
	Sent, Answered int    // probes
	Hops           []Hop  // first replies, by ascending TTL, then attempt
	Loops          []Loop // routers that answered at two TTLs with something else in between
	PathHash       uint64 // the same for traces that saw the same responders at the same TTLs
}

// Loop is a pair of TTLs of one router.
type Loop struct{ First, Again int }

// Hop is the content of one reply at a TTL. It is of a router, unless Addr is the target.
type Hop struct {
	TTL, Attempt int // the attempt from 0
	Addr         netip.Addr
	Sent         time.Time     // zero if it is not known
	RTT          time.Duration // valid only if HasRTT
	HasRTT       bool
	Kind         string   // as in records: ttl_exceeded, port_unreach, echo_reply, syn_ack, …
	Valid        string   // strong, weak, or unverified (of captures without a key)
	Mangled      []string // quoted fields that were rewritten on the way
	ReplyTTL     int
	QuotedTTL    int // 0 if nothing is quoted
	MPLS         []Label
	Extension    []byte // the RFC 4884 extension structure, header included; nil if there is none
	Inferred     bool   // not measured: other traces have this router here
}

// Label is an MPLS label of a hop, the top of the stack first.
type Label struct{ Value, EXP, TTL int }

// Reply is any reply that answers a probe: copies, late ones, and those that show no hop,
// too.
type Reply struct {
	Target, Source netip.Addr
	Method         Method
	Flow           int
	Hop
	Received time.Time
	Copies   int  // copies of it that came before
	Late     bool // it came after the wait
}

// The reasons for which a run ends.
const (
	ReasonDone       = record.ReasonDone       // everything was sent and waited for
	ReasonStopped    = record.ReasonSignal     // Config.Stop was closed
	ReasonMaxRuntime = record.ReasonMaxRuntime // Config.MaxRuntime was over
	ReasonDisk       = record.ReasonDisk       // a sink or a file failed
	ReasonLink       = record.ReasonLink       // the network link was gone
	ReasonCapture    = record.ReasonCapture    // Replay: a capture is cut or corrupt
)

// Summary is the account of a run. Counts are of probes and frames. The losses of this machine are
// SendErrors, SilentByDrops (both in probes) and Drops (in frames).
type Summary struct {
	Run                          string // names the run in records
	Targets                      uint64
	Sent, Answered, Silent       uint64 // all attempts: Sent = Answered + Silent
	SendErrors                   uint64 // probes that the kernel did not take; not in Sent
	SilentByDrops, SilentByLimit uint64 // of Silent: by drops of our kernel, by limits of routers
	FirstSent                    uint64 // first attempts
	// Skipped are the first attempts that were not made, by reason, as records name them.
	Skipped map[string]uint64
	Frames  uint64 // received
	Strong  uint64 // of Frames: answers, authenticated in full
	Weak    uint64 // of Frames: answers, authenticated in part
	// Rejected are frames that looked like answers, by reason, as records name them.
	Rejected map[string]uint64
	Drops    uint64 // frames that our kernel or link dropped
	Elapsed  time.Duration
	Complete bool   // all was done that was asked for
	Reason   string // one of the Reason constants
}

// pathOf copies a trace, which is valid until its sink returns.
func pathOf(t *record.Trace) *Path {
	v := &Path{
		Target: t.Target.Netip(), Source: t.Source.Netip(), Method: Method(t.Method.String()), Flow: int(t.FlowIndex),
		StopReason: t.StopReason.String(), LastTTL: int(t.End), Reached: t.Reached, Distance: int(t.Distance),
		Sent: t.ProbeCount, Answered: t.Answered, PathHash: t.PathHash, Hops: make([]Hop, 0, len(t.Hops)+len(t.Inferred)),
	}
	if t.Start != 0 {
		v.Start = time.Unix(0, t.Start)
	}
	for _, k := range t.Inferred {
		v.Hops = append(v.Hops, Hop{TTL: int(k.TTL), Addr: k.Addr.Netip(), Kind: "ttl_exceeded", Inferred: true})
	}
	for i := range t.Hops {
		v.Hops = append(v.Hops, hopOf(&t.Hops[i]))
	}
	for _, l := range t.Loops {
		v.Loops = append(v.Loops, Loop{int(l.First), int(l.Again)})
	}
	return v
}

func hopOf(h *record.Hop) Hop {
	v := Hop{
		TTL: int(h.TTL), Attempt: int(h.Attempt), Addr: h.Source(), HasRTT: h.HasRTT(),
		Kind: h.Kind.String(), Valid: h.Valid.String(), Mangled: h.Mangled.AppendNames(nil), ReplyTTL: int(h.ReplyTTL),
	}
	if v.HasRTT {
		v.RTT = time.Duration(h.RTT)
	}
	if h.Sent != 0 {
		v.Sent = time.Unix(0, h.Sent)
	}
	if h.HasQuote {
		v.QuotedTTL = int(h.QuotedTTL)
	}
	if len(h.Ext) > 0 {
		v.Extension = append(v.Extension, h.Ext...)
		v.MPLS = labelsOf(v.Extension)
	}
	return v
}

// labelsOf returns the labels of all stacks in an extension structure.
func labelsOf(ext []byte) (labels []Label) {
	var x wire.Extension
	if x.Decode(ext) != nil {
		return nil
	}
	for objects := x.Objects(); objects.Next(); {
		for i := range objects.NumLabels() {
			l := objects.Label(i)
			labels = append(labels, Label{int(l.Label), int(l.EXP), int(l.TTL)})
		}
	}
	return labels
}

func replyOf(r *record.Reply) *Reply {
	return &Reply{
		Target: r.Head.Target.Netip(), Source: r.Head.Source.Netip(), Method: Method(r.Method.String()), Flow: int(r.FlowIndex),
		Hop: hopOf(&r.Hop), Received: time.Unix(0, r.Stamp), Copies: r.Dup, Late: r.Late,
	}
}

func summaryOf(s *record.Summary) *Summary {
	if s == nil {
		return nil
	}
	return &Summary{
		Run: s.Run, Targets: s.Targets, Sent: s.Sent, Answered: s.Answered, Silent: s.Silent, SendErrors: s.TxErrors,
		SilentByDrops: s.SilentBy.Drops, SilentByLimit: s.SilentBy.RateLimited, FirstSent: s.FirstSent,
		Skipped: reasons(&s.Skipped), Frames: s.Frames, Strong: s.Strong, Weak: s.Weak, Rejected: reasons(&s.Rejected),
		Drops: s.Drops.Kernel + s.Drops.Interface, Elapsed: time.Duration(s.ElapsedS * float64(time.Second)),
		Complete: s.Complete, Reason: s.Reason,
	}
}

// reasons returns the counts of a group that are not 0, by name.
func reasons[T any](group *T) map[string]uint64 {
	counts := map[string]uint64{}
	for _, r := range account.Reasons(group) {
		if r.N != 0 {
			counts[r.Name] = r.N
		}
	}
	return counts
}

package plan

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
)

// Params has all data of a run except its key and its lists. It serves to describe the run
// (Run), to replay its capture, and to continue it from a checkpoint. It is plain data; its
// JSON is the comment in the section header of a capture.
//
// A new option is a field here and a line in options.
type Params struct {
	Masstrace int    `json:"masstrace"` // version of this form
	Run       string `json:"run"`
	Hostname  string `json:"hostname"`
	StartNS   int64  `json:"start_ns"` // since the Unix epoch
	Tool      string `json:"tool"`
	// Argv is left out of a capture where it is too long.
	Argv []string `json:"argv,omitempty"`

	Seed         string     `json:"seed"`
	KeyID        string     `json:"key_id"`
	Method       string     `json:"method"` // or ListMethod
	DstPort      uint16     `json:"dport"`
	TOS          uint8      `json:"tos"`
	Source4      netip.Addr `json:"source4"`
	Source6      netip.Addr `json:"source6"`
	PortLow      uint16     `json:"port_low"`
	PortHigh     uint16     `json:"port_high"`
	Avoid        []uint16   `json:"avoid"` // ports in use when the run began
	PerPrefix    uint64     `json:"per_prefix"`
	Granularity4 int        `json:"granularity4"`
	Granularity6 int        `json:"granularity6"`
	Shard        uint64     `json:"shard"`
	Shards       uint64     `json:"shards"`
	MaxTargets   uint64     `json:"max_targets"`
	HostRule     string     `json:"host_rule,omitempty"` // "" is random
	// Names are the names in the lists. They are left out of a capture where they are too long.
	Names    []record.Name `json:"names,omitempty"`
	RatePPS  float64       `json:"rate_pps"`
	RateAuto bool          `json:"rate_auto,omitempty"`
	Burst    int           `json:"burst"`
	WaitNS   int64         `json:"wait_ns"`
	record.Strategy
	// Asked are the attempts at a TTL that does not answer, if the shape has more: strategy multipath
	// also repeats answered probes.
	Asked         int          `json:"attempts,omitempty"`
	NoStop        bool         `json:"no_stop,omitempty"`
	PerHopRate    float64      `json:"per_hop_rate,omitempty"`
	PrefixRate    float64      `json:"prefix_rate,omitempty"`
	Shape         window.Shape `json:"shape"` // of windows, with TTLs, flows and attempts
	Records       record.Kinds `json:"records,omitempty"`
	Packing       string       `json:"packing,omitempty"`
	Format        string       `json:"format,omitempty"`
	ReplyPacking  string       `json:"reply_packing,omitempty"`
	MetaPacking   string       `json:"meta_packing,omitempty"`
	AllowReserved bool         `json:"allow_reserved,omitempty"`
	Link          string       `json:"link"`
	IO            string       `json:"io"`
	Senders       int          `json:"senders"`
	TargetsSHA256 string       `json:"targets_sha256"`
	ExcludeSHA256 string       `json:"exclude_sha256"`
}

// ParamsVersion is the version of the form.
const ParamsVersion = 1

// ListMethod stands for the methods of a list of probes.
const ListMethod = "list"

// Wait returns how long replies are waited for.
func (p *Params) Wait() time.Duration { return time.Duration(p.WaitNS) }

// Codec returns the configuration of the codec for these parameters.
func (p *Params) Codec(method probe.Method, key [16]byte) codec.Config {
	return codec.Config{
		Method: method, Seed: SeedOf(p.Seed), Key: key, DstPort: p.DstPort, TOS: p.TOS,
		Flows: p.Shape.Flows, Variations: p.HashFields, MinTTL: p.Shape.FirstTTL, MaxTTL: p.Shape.LastTTL, Attempts: uint8(p.Shape.Attempts),
		PortLow: p.PortLow, PortHigh: p.PortHigh, Avoid: p.Avoid,
		Source4: p.Source4, Source6: p.Source6,
	}
}

// Record returns the run record.
func (p *Params) Record() *record.Run {
	run := &record.Run{
		Run: p.Run, Tool: p.Tool, Argv: p.Argv, Seed: p.Seed, KeyID: p.KeyID,
		RatePPS: p.RatePPS, RateAuto: p.RateAuto, Burst: p.Burst, TTL: [2]uint8{p.Shape.FirstTTL, p.Shape.LastTTL},
		Flows: p.Shape.RequestedFlows(), Attempts: cmp.Or(p.Asked, p.Shape.Attempts), Strategy: p.Strategy, Protocol: p.Method, DstPort: p.DstPort,
		TOS: p.TOS, WaitS: p.Wait().Seconds(), Link: p.Link, IO: p.IO, Senders: p.Senders, Clock: "CLOCK_REALTIME/kernel",
		TargetsSHA256: p.TargetsSHA256, ExcludeSHA256: p.ExcludeSHA256,
		PerPrefix: p.PerPrefix, Granularity: [2]int{p.Granularity4, p.Granularity6}, MaxTargets: p.MaxTargets, HostRule: p.HostRule, Names: p.Names,
		Shard: [2]int{int(p.Shard), int(max(p.Shards, 1))},
	}
	switch {
	case p.Source4.IsValid():
		run.Source = p.Source4.String()
		if p.Source6.IsValid() {
			run.Source6 = p.Source6.String()
		}
	default:
		run.Source = p.Source6.String()
	}
	return run
}

package job

import (
	"time"

	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Options are the options of a scan that a job may have. Fields and units are those of plan.Config.
type Options struct {
	AllowReserved bool   `json:"allow_reserved,omitempty"`
	PerPrefix     uint64 `json:"per_prefix"`
	Granularity4  int    `json:"granularity4"`
	Granularity6  int    `json:"granularity6"`
	MaxTargets    uint64 `json:"max_targets,omitempty"`
	Seed          string `json:"seed"`
	HostRule      string `json:"host_rule,omitempty"`

	Method   string `json:"method"`
	MinTTL   uint8  `json:"min_ttl"`
	MaxTTL   uint8  `json:"max_ttl"`
	DstPort  uint16 `json:"dport"`
	TOS      uint8  `json:"tos,omitempty"`
	Flows    int    `json:"flows"`
	Attempts int    `json:"attempts"`
	record.Strategy
	NoStop     bool    `json:"no_stop,omitempty"`
	PerHopRate float64 `json:"per_hop_rate,omitempty"` // of all agents that meet the router
	PrefixRate float64 `json:"prefix_rate,omitempty"`  // of all agents together

	RatePPS  float64       `json:"rate_pps"` // of all agents together
	Wait     time.Duration `json:"wait_ns"`
	Memory   uint64        `json:"memory"`
	PortLow  uint16        `json:"port_low,omitempty"`
	PortHigh uint16        `json:"port_high,omitempty"`
	Records  string        `json:"records"`
}

// OptionsOf returns the options of a request.
func OptionsOf(c *plan.Config) Options {
	return Options{
		AllowReserved: c.AllowReserved, PerPrefix: c.PerPrefix, Granularity4: c.Granularity4, Granularity6: c.Granularity6,
		MaxTargets: c.MaxTargets, Seed: c.Seed, HostRule: c.HostRule,
		Method: c.Method.String(), MinTTL: c.MinTTL, MaxTTL: c.MaxTTL, DstPort: c.DstPort, TOS: c.TOS,
		Flows: c.Flows, Attempts: c.Attempts, Strategy: c.Strategy, NoStop: c.NoStop,
		PerHopRate: c.PerHopRate, PrefixRate: c.PrefixRate,
		RatePPS: c.RatePPS, Wait: c.Wait, Memory: c.Memory, PortLow: c.PortLow, PortHigh: c.PortHigh, Records: c.Records.String(),
	}
}

// Config returns the request of one agent, without its lists, shard and key. Its rates are those of all
// agents together.
func (o *Options) Config() (plan.Config, error) {
	method, err := probe.ParseMethod(o.Method)
	if err != nil {
		return plan.Config{}, plan.Refuse("Method", "%v", err)
	}
	records, err := record.ParseKinds(o.Records)
	if err != nil {
		return plan.Config{}, plan.Refuse("Records", "%v", err)
	}
	return plan.Config{
		AllowReserved: o.AllowReserved, PerPrefix: o.PerPrefix, Granularity4: o.Granularity4, Granularity6: o.Granularity6,
		MaxTargets: o.MaxTargets, Seed: o.Seed, HostRule: o.HostRule,
		Method: method, MinTTL: o.MinTTL, MaxTTL: o.MaxTTL, DstPort: o.DstPort, TOS: o.TOS,
		Flows: o.Flows, Attempts: o.Attempts, Strategy: o.Strategy, NoStop: o.NoStop,
		PerHopRate: o.PerHopRate, PrefixRate: o.PrefixRate,
		RatePPS: o.RatePPS, Wait: o.Wait, Memory: o.Memory, PortLow: o.PortLow, PortHigh: o.PortHigh, Records: records,
	}, nil
}

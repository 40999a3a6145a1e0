package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/record"
)

// option is an option of a run that may differ between its processes.
type option struct {
	field string // of Config
	name  string // in records
	value func(*Params) any
	bound binding
}

// binding decides whether a resume may change an option.
type binding int

const (
	fixed binding = iota // it decides which probes and records there are
	free                 // it decides how
)

// options are all of them, but for those of strategies. Other fields describe the vantage
// point and the time, or follow from these options.
var options = []option{
	{"Targets", "targets", func(p *Params) any { return p.TargetsSHA256 }, fixed},
	{"Seed", "seed", func(p *Params) any { return p.Seed }, fixed},
	{"Key", "key_id", func(p *Params) any { return p.KeyID }, fixed},
	{"Method", "method", func(p *Params) any { return p.Method }, fixed},
	{"DstPort", "dport", func(p *Params) any { return p.DstPort }, fixed},
	{"TOS", "tos", func(p *Params) any { return p.TOS }, fixed},
	{"MinTTL", "min_ttl", func(p *Params) any { return p.Shape.FirstTTL }, fixed},
	{"MaxTTL", "max_ttl", func(p *Params) any { return p.Shape.LastTTL }, fixed},
	{"Flows", "flows", func(p *Params) any { return p.Shape.Flows }, fixed},
	{"Attempts", "attempts", func(p *Params) any { return cmp.Or(p.Asked, p.Shape.Attempts) }, fixed},
	{"PortLow", "port_low", func(p *Params) any { return p.PortLow }, fixed},
	{"PortHigh", "port_high", func(p *Params) any { return p.PortHigh }, fixed},
	{"PerPrefix", "per_prefix", func(p *Params) any { return p.PerPrefix }, fixed},
	{"Granularity4", "granularity4", func(p *Params) any { return p.Granularity4 }, fixed},
	{"Granularity6", "granularity6", func(p *Params) any { return p.Granularity6 }, fixed},
	{"HostRule", "host_rule", func(p *Params) any { return p.HostRule }, fixed},
	{"AllowReserved", "allow_reserved", func(p *Params) any { return p.AllowReserved }, fixed},
	{"Shard", "shard", func(p *Params) any { return [2]uint64{p.Shard, p.Shards} }, fixed},
	{"MaxTargets", "max_targets", func(p *Params) any { return p.MaxTargets }, fixed},
	{"Records", "records", func(p *Params) any { return p.Records }, fixed},
	{"Output", "packing", func(p *Params) any { return p.Packing }, fixed},
	{"Output", "format", func(p *Params) any { return p.Format }, fixed},
	{"ReplyOutput", "reply_packing", func(p *Params) any { return p.ReplyPacking }, fixed},
	{"MetaOutput", "meta_packing", func(p *Params) any { return p.MetaPacking }, fixed},
	{"AutoRate", "rate_auto", func(p *Params) any { return p.RateAuto }, free},
	{"RatePPS", "rate_pps", func(p *Params) any { return p.RatePPS }, free},
	{"Burst", "burst", func(p *Params) any { return p.Burst }, free},
	{"PerHopRate", "per_hop_rate", func(p *Params) any { return p.PerHopRate }, free},
	{"PrefixRate", "prefix_rate", func(p *Params) any { return p.PrefixRate }, free},
	{"Senders", "senders", func(p *Params) any { return p.Senders }, free},
	{"Wait", "wait_s", func(p *Params) any { return p.Wait().Seconds() }, free},
}

// Difference is an option that differs between the stopped run and the new request.
type Difference struct {
	Field    string // of Config
	Was, Now any
}

// DifferError means that a run cannot be resumed, because some options differ.
type DifferError struct {
	Path        string // of the checkpoint
	Differences []Difference
}

// Error implements error.
func (e *DifferError) Error() string {
	var list []string
	for _, d := range e.Differences {
		list = append(list, fmt.Sprintf("%s (is %v, was %v)", d.Field, d.Now, d.Was))
	}
	return fmt.Sprintf("%s: these options must be the same as in the stopped run: %s", e.Path, strings.Join(list, ", "))
}

// Differ returns the fixed options in which the new request differs from
// the run that began.
func Differ(began, now *Params) (list []Difference) {
	for _, o := range slices.Concat(options, strategyOptions) {
		if was, is := o.value(began), o.value(now); o.bound == fixed && was != is {
			list = append(list, Difference{o.field, was, is})
		}
	}
	return list
}

// Changed returns the free options in which the new request differs, by their
// names in records.
func Changed(began, now *Params) map[string]record.Change {
	var changed map[string]record.Change
	for _, o := range slices.Concat(options, strategyOptions) {
		if was, is := o.value(began), o.value(now); o.bound == free && was != is {
			if changed == nil {
				changed = map[string]record.Change{}
			}
			changed[o.name] = record.Change{Was: was, Now: is}
		}
	}
	return changed
}

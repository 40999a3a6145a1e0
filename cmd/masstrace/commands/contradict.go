package commands

import (
	"fmt"

	"github.com/alecthomas/kong"

	"github.com/masstrace/masstrace/internal/lab/internet"
	"github.com/masstrace/masstrace/internal/plan"
)

// contradiction is a flag, and the flags that cannot be combined with it.
type contradiction struct {
	flag string
	with []string // names of flags, or of their groups in the help
}

// contradictions of the commands. Those that depend on values are in the Validate methods.
var contradictions = map[string][]contradiction{
	"scan": {
		{"bandwidth", []string{"rate", "rate-max"}},
		{"probes", []string{
			"seed", "shard", "max-targets", "per-prefix", "granularity4", "granularity6",
			"method", "min-ttl", "max-ttl", "dport", "flows", "attempts", "source-port-range",
			"Strategy", "rate-max", "memory", "senders", "checkpoint", "resume",
		}},
		{"resume", []string{"checkpoint", "dry-run"}},
		{"checkpoint", []string{"pcap", "dry-run"}},
		{"pcap", []string{"resume"}},
	},
	"trace": {{"method", []string{"icmp", "tcp", "udp"}}},
}

// given are the flags on the command line, by name.
type given map[string]*kong.Flag

// givenFlags returns the flags on the command line.
func givenFlags(k *kong.Context) given {
	flags := given{}
	for _, p := range k.Path {
		if p.Flag != nil {
			flags[p.Flag.Name] = p.Flag
		}
	}
	return flags
}

// find returns the name of a flag of that name or group; "" if there is none.
func (g given) find(name string) string {
	for _, f := range g {
		if f.Name == name || f.Group != nil && f.Group.Key == name {
			return f.Name
		}
	}
	return ""
}

// contradict returns an error that names two flags of the command line that cannot be combined.
func contradict(command string, flags given) error {
	for _, c := range contradictions[command] {
		if flags.find(c.flag) == "" {
			continue
		}
		for _, name := range c.with {
			if other := flags.find(name); other != "" {
				return &plan.ConfigError{Err: fmt.Errorf("--%s cannot be combined with --%s", c.flag, other)}
			}
		}
	}
	return nil
}

// simulated are the flags of lab that only the simulated Internet has.
var simulated = []string{"link", "preset", "set", "net-seed", "log", "counters"}

// contradictLab returns an error about a flag of a network that was not chosen.
func contradictLab(network string, flags given) error {
	for _, name := range simulated {
		if network != internet.Name && flags.find(name) != "" {
			return &plan.ConfigError{Err: fmt.Errorf("--%s cannot be combined with --network %s: it is for the simulated internet", name, network)}
		}
	}
	return nil
}

package commands

import (
	"fmt"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/masstrace/masstrace/internal/lab/internet"
	"github.com/masstrace/masstrace/internal/plan"
)

// contradiction is a flag and flags that cannot be combined with it.
type contradiction struct {
	flag string
	with []string
}

// contradictions of the commands. Those that depend on values are in the Validate methods.
var contradictions = map[string][]contradiction{
	"scan": {
		{"bandwidth", []string{"rate", "rate-max"}},
		{"probes", []string{
			"seed", "shard", "max-targets", "per-prefix", "granularity4", "granularity6",
			"method", "min-ttl", "max-ttl", "dport", "flows", "attempts", "source-port-range",
			"strategy", "gap-limit", "overlap", "stitch", "per-hop-rate", "prefix-rate", "no-stop",
			"rate-max", "memory", "senders", "checkpoint", "resume",
		}},
		{"resume", []string{"checkpoint", "dry-run"}},
		{"checkpoint", []string{"pcap", "dry-run"}},
		{"pcap", []string{"resume"}},
	},
	"trace": {{"method", []string{"icmp", "tcp", "udp"}}},
}

// given returns the names of the flags on the command line.
func given(k *kong.Context) (names []string) {
	for _, p := range k.Path {
		if p.Flag != nil {
			names = append(names, p.Flag.Name)
		}
	}
	return names
}

// contradict returns an error that names two flags of the command line that cannot be combined.
func contradict(command string, flags []string) error {
	for _, c := range contradictions[command] {
		if !slices.Contains(flags, c.flag) {
			continue
		}
		for _, other := range c.with {
			if slices.Contains(flags, other) {
				return &plan.ConfigError{Err: fmt.Errorf("--%s cannot be combined with --%s", c.flag, other)}
			}
		}
	}
	return nil
}

// simulated are the flags of lab that only the simulated Internet has.
var simulated = []string{"link", "preset", "set", "net-seed", "log", "counters"}

// contradictLab returns an error about a flag of a network that was not chosen.
func contradictLab(network string, flags []string) error {
	for _, name := range simulated {
		if network != internet.Name && slices.Contains(flags, name) {
			return &plan.ConfigError{Err: fmt.Errorf("--%s cannot be combined with --network %s: it is for the simulated internet", name, network)}
		}
	}
	return nil
}

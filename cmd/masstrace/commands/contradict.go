package commands

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/masstrace/masstrace/internal/lab/internet"
	"github.com/masstrace/masstrace/internal/plan"
)

// contradiction is a flag, and the flags that cannot be combined with it.
type contradiction struct {
	flag string
	with []string // names of flags, or of their groups in the help
	why  string   // after the names; "" if they tell it
}

// contradictions of the commands. Those that depend on values are in the Validate methods. The
// values do not matter here: a default that is given counts too.
var contradictions = map[string][]contradiction{
	"scan": {
		{"bandwidth", []string{"rate-max", "rate"}, "both set the rate"},
		{"probes", []string{
			"column", "from-results", "where", "host-rule", "ipv4", "ipv6",
			"shard", "seed", "max-targets", "per-prefix", "granularity4", "granularity6",
			"method", "min-ttl", "max-ttl", "dport", "flows", "attempts", "source-port-range",
			"Strategy", "rate-max", "memory", "senders", "checkpoint", "resume", "status-every", "status", "metrics", "diagnose", "ports",
		}, ""},
		familyContradiction, strategyContradictions[0], strategyContradictions[1], strategyContradictions[2], strategyContradictions[3],
		{"resume", []string{"checkpoint", "dry-run"}, ""},
		{"checkpoint", []string{"pcap", "dry-run"}, ""},
		{"dry-run", []string{"status", "metrics"}, "nothing is measured"},
		{"pcap", []string{"resume"}, ""},
		{"quiet", []string{"status-every"}, ""},
	},
	"annotate": {
		{"text", []string{"output", "to", "table", "overwrite", "quiet", "from"}, "the text goes to the standard output"},
	},
	"watch": {
		{"ipv4", []string{"ipv6"}, ""},
		{"method", []string{"icmp", "tcp", "udp"}, ""},
		{"icmp", []string{"tcp", "udp"}, ""},
		{"icmp", []string{"port"}, "ICMP has no ports"},
		{"tcp", []string{"udp"}, ""},
		{"json", []string{"stream", "plain", "report"}, "each is another output"},
		{"stream", []string{"plain", "report"}, "each is another output"},
		{"plain", []string{"report"}, "each is another output"},
		{"replay", liveFlags, "nothing is sent"},
		{"speed", liveFlags, "nothing is sent"},
	},
	"trace": {
		{"watch", []string{"hosts", "queries", "wait", "gap-limit", "multipath", "confidence", "dot", "extensions"}, "a watch has other options: see masstrace watch"},
		{"ipv4", []string{"ipv6"}, ""},
		{"method", []string{"icmp", "tcp", "udp"}, ""},
		{"icmp", []string{"tcp", "udp"}, ""},
		{"icmp", []string{"port"}, "ICMP has no ports"},
		{"tcp", []string{"udp"}, ""},
		{"flows", []string{"multipath", "confidence", "dot"}, "all paths take as many flows as are needed"},
		{"hosts", []string{"dot"}, "the file has one graph"},
		{"diagnose", []string{"multipath", "confidence", "dot"}, "all paths are those of one method"},
		{"ports", []string{"multipath", "confidence", "dot"}, "all paths are those of one method"},
	},
	"hub": {
		{"listen", []string{"New names"}, "one runs the hub, the other makes credentials"},
		{"page", []string{"New names"}, "one runs the hub, the other makes credentials"},
		{"objects", []string{"New names"}, "one runs the hub, the other makes credentials"},
		{"nats-creds", []string{"New names"}, "one runs the hub, the other makes credentials"},
		{"nats-system", []string{"New names"}, "one runs the hub, the other makes credentials"},
		{"nats-creds", []string{"listen"}, "the cluster is the broker"},
		{"nats-system", []string{"listen"}, "the cluster is the broker"},
		{"nats-ca", []string{"listen", "hub"}, "the cluster is the broker"},
		{"nats", []string{"listen", "hub"}, "the cluster is the broker"},
	},
	"submit": {
		familyContradiction, strategyContradictions[0], strategyContradictions[1], strategyContradictions[2], strategyContradictions[3],
		{"assign", []string{"column", "from-results", "where"}, "the file has the targets"},
	},
	"jobs": {
		{"follow", []string{"json"}, "the progress is text"},
	},
}

// familyContradiction is that of scans.
var familyContradiction = contradiction{"ipv4", []string{"ipv6"}, ""}

// strategyContradictions are those among the flags of strategies.
var strategyContradictions = [4]contradiction{
	{"no-stop", append([]string{"gap-limit", "overlap", "stitch"}, multipathFlags...), "they are for different strategies"},
	{"overlap", multipathFlags, "they are for different strategies"},
	{"stitch", multipathFlags, "they are for different strategies"},
	{"flows", multipathFlags, "strategy multipath asks as many flows as it needs"},
}

// liveFlags are the flags of watch for what it sends, which a replay does not.
var liveFlags = []string{
	"record", "metrics", "ipv4", "ipv6", "icmp", "tcp", "udp", "method", "port", "first", "max", "interval", "count", "wait", "flows", "tos",
	"source", "interface",
}

// multipathFlags are the flags that only strategy multipath has.
var multipathFlags = []string{
	"confidence", "confidence-scope", "mda", "max-branches", "max-probes", "hash-fields", "no-borrow",
}

// requirements are flags that have no effect without another one, of the commands.
var requirements = map[string][]struct {
	flags []string
	need  string
}{
	"scan": {{[]string{"where"}, "from-results"}},
	"replay": {{
		[]string{"seed", "source", "method", "min-ttl", "max-ttl", "dport", "tos", "flows", "attempts", "source-port-range"}, "key",
	}},
	"watch":  {{[]string{"speed"}, "replay"}},
	"verify": {{[]string{"exclude", "allow-reserved"}, "targets"}},
	"submit": {{[]string{"where"}, "from-results"}},
	"hub":    {{[]string{"nats-creds", "nats-system", "nats-ca"}, "nats"}},
}

// refusals are flags that a command shares with scan and refuses, with the reason. Its help leaves
// them out.
var refusals = map[string]map[string]string{
	"submit": {
		"shard":       "the hub divides the targets",
		"rate-max":    "the rate of a job is a number, which all agents share",
		"bandwidth":   "a job needs a rate in probes per second",
		"burst":       "each agent spaces its probes",
		"max-runtime": "a job ends when all slices are done; masstrace cancel ends it before",
	},
}

// hideRefused hides the flags that commands refuse.
func hideRefused(k *kong.Kong) error {
	for _, node := range k.Model.Children {
		for _, f := range node.Flags {
			if refusals[node.Name][f.Name] != "" {
				f.Hidden = true
			}
		}
	}
	return nil
}

// positive are flags that stand for nothing at 0. Their default is another number, or none.
var positive = []string{"burst", "gap-limit", "overlap", "max-targets", "max-branches", "max-probes", "rate-max", "status-every"}

// given are the flags on the command line, by name.
type given map[string]*kong.Flag

// givenFlags returns the flags on the command line. A flag that holds one value must not be given
// twice.
func givenFlags(k *kong.Context) (given, error) {
	flags := given{}
	for _, p := range k.Path {
		if p.Flag == nil {
			continue
		}
		if flags[p.Flag.Name] != nil && !p.Flag.IsBool() && !p.Flag.IsSlice() {
			return nil, plan.Refuse("", "--%s is given twice", p.Flag.Name)
		}
		flags[p.Flag.Name] = p.Flag
	}
	return flags, nil
}

// find returns the name of a flag of that name or group; "" if there is none.
func (g given) find(name string) string {
	for _, key := range slices.Sorted(maps.Keys(g)) {
		if f := g[key]; f.Name == name || f.Group != nil && f.Group.Key == name {
			return f.Name
		}
	}
	return ""
}

// contradict returns an error about flags of a command line that cannot be combined, that have no
// effect, or that stand for nothing. It names them. It does not need the fields of the command.
func contradict(k *kong.Context) error {
	command, _, _ := strings.Cut(k.Command(), " ")
	flags, err := givenFlags(k)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(refusals[command])) {
		if flags[name] != nil {
			return plan.Refuse("", "%s takes no --%s: %s", command, name, refusals[command][name])
		}
	}
	for _, name := range positive {
		if f := flags[name]; f != nil && reflect.ValueOf(k.FlagValue(f)).IsZero() {
			return plan.Refuse("", "--%s must be more than 0", name)
		}
	}
	return flags.contradict(command)
}

// contradict returns an error that names two flags that cannot be combined, or a flag that has no
// effect and the flag that it needs.
func (g given) contradict(command string) error {
	for _, c := range contradictions[command] {
		if g.find(c.flag) == "" {
			continue
		}
		for _, name := range c.with {
			if other := g.find(name); other != "" {
				return plan.Refuse("", "--%s cannot be combined with --%s%s", c.flag, other, because(c.why))
			}
		}
	}
	for _, r := range requirements[command] {
		for _, name := range r.flags {
			if g[name] != nil && g[r.need] == nil {
				return plan.Refuse("", "--%s needs --%s", name, r.need)
			}
		}
	}
	return nil
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// simulated is the group of the flags of lab that only the simulated Internet has.
const simulated = "Simulated Internet"

// contradictLab returns an error about a flag of a network that was not chosen.
func contradictLab(network string, k *kong.Context) error {
	flags, err := givenFlags(k)
	if err != nil {
		return err
	}
	if name := flags.find(simulated); network != internet.Name && name != "" {
		return plan.Refuse("", "--%s cannot be combined with --network %s: it is for the simulated Internet", name, network)
	}
	return nil
}

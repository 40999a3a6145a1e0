package commands

import (
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// samples are values of the flags, by name. A flag whose value differs between commands has its
// command before it. A new flag with a value needs a line here.
var samples = map[string]string{
	"by": "as", "level": "interface", "near": "192.0.2.1", "prefix": "192.0.2.0/24", "as": "64500", "hops": "3", "what": "hops",
	"ask": "links", "query memory": "2GB", "target": "192.0.2.1",
	"compare output": "c.json", "graph output": "g.svg", "plot output": "p.svg", "query output": "q.csv", "graph format": "dot", "plot format": "csv", "query format": "csv",
	"agents": "*", "hub as": "AS64500", "assign": "assign.txt", "creds": "alice.creds", "follow": "monday", "hub": "tls://127.0.0.1:4222", "listen": "127.0.0.1:4222",
	"location": "Paris", "mode": "split", "name": "monday", "nats": "tls://nats.example.net:4222", "nats-ca": "ca.pem", "nats-creds": "hub.nk", "nats-system": "system.nk", "objects": "https://s3.example.net/bucket", "page": "127.0.0.1:8222", "policy": "policy.txt", "slices": "8", "store": "hub",
	"attempts": "2", "bandwidth": "1M", "burst": "16", "checkpoint": "state", "counters": "counters.json", "dport": "80",
	"exclude": "192.0.2.1", "first": "2", "flowlabel": "1", "flows": "2", "gap-limit": "4", "gateway-mac": "02:00:00:00:00:01",
	"granularity4": "24", "granularity6": "48", "interface": "lo", "io": "packet", "key": "000102030405060708090a0b0c0d0e0f",
	"link": "veth", "link-wait": "5m", "log": "net.log", "max": "9", "max-runtime": "90s", "max-targets": "100", "max-ttl": "32", "memory": "64M",
	"method": "tcp", "min-ttl": "1", "net-seed": "7", "network": "internet", "output": "out.ndjson", "overlap": "3",
	"pcap": "scan.pcapng", "per-hop-rate": "100", "per-prefix": "1", "port": "80", "prefix-rate": "10", "preset": "default",
	"probes": "probes.csv", "queries": "2", "rate": "10000", "rate-max": "20k", "receive-buffer": "64M", "records": "both",
	"meta": "meta.ndjson", "replies": "replies.ndjson", "resume": "state", "seed": "x", "senders": "1", "sendwait": "1", "set": "loss-forward=0.1", "shard": "1/2", "sim-queries": "16",
	"source": "192.0.2.2", "source-port-range": "40000-50000", "sport": "1", "status": "status.csv", "status-every": "10s", "metrics": "9100", "strategy": "complete",
	"state": "state", "targets": "192.0.2.0/24", "tos": "8", "vantage-points": "4", "wait": "2",
	"annotate": "none", "asn": "asn.mmdb", "geo": "geo.mmdb", "ixp": "ixp.json", "names": "names.txt",
	"column": "addr", "from-results": "results.ndjson", "where": "stop_reason=GAPLIMIT", "host-rule": "first",
	"dot": "paths.dot", "ports": "80,443", "confidence": "0.99", "confidence-scope": "trace", "mda": "full", "max-branches": "16", "max-probes": "1000",
	"columns": "loss,avg", "count": "5", "every": "2", "record": "record.json", "replay": "record.json", "speed": "2",
	"hosts": "hosts.txt", "from": "yarrp", "to": "ndjson", "table": "hops",
	"serve": "8080", "traces": "1000",
	"budget": "200", "snapshot-every": "1h", "on-change": "true",

	"address": "192.0.2.3", "fwmark": "1", "gateway": "192.0.2.4", "max-unknown": "5", "module": "icmp", "options": "help",
	"protocol": "1", "report-cycles": "10", "service": "8", "timeout": "3",
	"bitpattern": "0", "gracetime": "1", "interval": "1", "ipinfo": "0", "localport": "1", "order": "LDRS", "psize": "60",
}

// companions are arguments that a flag needs beside it.
var companions = map[string][]string{
	"lab state":       {"--vantage-points=4"},
	"submit assign":   {"--mode=assigned"},
	"scan checkpoint": {"--output=out.ndjson"}, "scan resume": {"--output=out.ndjson"},
	"scan rate-max": {"--rate=auto"}, "scan no-stop": {"--strategy=exhaustive"},
	"scan overlap": {"--strategy=topology"}, "scan stitch": {"--strategy=topology"},
	"scan shard":      {"--seed=x"},
	"scan confidence": {"--strategy=multipath"}, "scan confidence-scope": {"--strategy=multipath"},
	"scan mda": {"--strategy=multipath"}, "scan max-branches": {"--strategy=multipath"},
	"scan max-probes": {"--strategy=multipath"}, "scan hash-fields": {"--strategy=multipath"},
	"scan no-borrow": {"--strategy=multipath"}, "scan ports": {"--diagnose"}, "trace ports": {"--diagnose"}, "trace confidence": {"--multipath"}, "trace dot": {"--multipath"},
}

// inherited are the companions of flags that a command has from scan.
var inherited = []string{"submit"}

// companionsOf returns the arguments that a flag needs beside it: its companions, and those of the
// requirements.
func companionsOf(command, flag string) []string {
	args := companions[command+" "+flag]
	if args == nil && slices.Contains(inherited, command) {
		args = companions["scan "+flag]
	}
	for _, r := range requirements[command] {
		if slices.Contains(r.flags, flag) {
			args = append(args[:len(args):len(args)], "--"+r.need+"="+samples[r.need])
		}
	}
	return args
}

// nodes returns the commands.
func nodes(t *testing.T) []*kong.Node {
	t.Helper()
	return parserOf(t).Model.Children
}

// flagsFrom returns the flags of a command, but for --help and --version.
func flagsFrom(node *kong.Node) (flags []*kong.Flag) {
	for _, f := range node.Flags {
		if f.Name != "help" {
			flags = append(flags, f)
		}
	}
	return flags
}

// sampled returns the argument that gives a flag its sample.
func sampled(t *testing.T, command string, f *kong.Flag) string {
	t.Helper()
	if f.IsBool() {
		return "--" + f.Name
	}
	value, ok := samples[command+" "+f.Name]
	if !ok {
		value, ok = samples[f.Name]
	}
	if !ok {
		t.Fatalf("%s --%s has no sample: add a value that the command takes to samples in grammar_test.go", command, f.Name)
	}
	return "--" + f.Name + "=" + value
}

// parserOf returns a parser, for any number of command lines.
func parserOf(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := newParser(io.Discard, io.Discard, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// parsed parses a command line as execute does before it runs the command, and returns the text of
// the error. The files that it names are not opened.
func parsed(parser *kong.Kong, args []string) string {
	k, err := parser.Parse(args)
	if err != nil {
		return misuse(err)
	}
	name, _, _ := strings.Cut(k.Command(), " ")
	if lab, ok := k.Selected().Target.Addr().Interface().(*LabCmd); ok {
		if err = contradictLab(lab.Network, k); err == nil {
			_, err = lab.option()
		}
	}
	if err != nil {
		return flagsOf(name).message(err)
	}
	return ""
}

// completed returns the arguments of a command with those that it needs besides some flags.
func completed(command string, args ...string) []string {
	has := func(flag string) bool {
		return slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--"+flag+"=") })
	}
	args = append([]string{command}, args...)
	switch command {
	case "scan":
		if has("probes") {
			return args
		}
		return append(args, "192.0.2.1")
	case "lab":
		return append(args, "--", "true")
	case "annotate":
		if slices.Contains(args, "--text") {
			return args
		}
		return append(args, "out.ndjson")
	case "watch":
		if has("replay") {
			return args
		}
		return append(args, "192.0.2.1")
	case "hub":
		if has("hub") || has("location") || has("as") || has("output") {
			return append(args, "add-agent", "paris")
		}
		return append(args, "serve")
	case "agent":
		return with(append(args, "run"), "creds", has)
	case "submit":
		if args = with(with(args, "creds", has), "name", has); has("assign") {
			return args
		}
		return append(args, "192.0.2.1")
	case "jobs":
		return with(args, "creds", has)
	case "cancel":
		return with(append(args, "monday"), "creds", has)
	case "fetch":
		return with(with(append(args, "monday"), "creds", has), "output", has)
	case "compare":
		return append(args, "old.ndjson", "new.ndjson")
	case "schema":
		return append(args, "trace")
	case "verify":
		if !has("log") {
			args = append(args, "--log=net.log")
		}
		return append(args, "out.ndjson")
	default:
		return append(args, "192.0.2.1")
	}
}

// with returns arguments with the sample of a flag, unless it is given.
func with(args []string, flag string, has func(string) bool) []string {
	if has(flag) {
		return args
	}
	return append(args, "--"+flag+"="+samples[flag])
}

// Each kind of value has one type, and each flag has one of these types.
func TestFlagTypes(t *testing.T) {
	allowed := []reflect.Type{reflect.TypeFor[bool](), reflect.TypeFor[string]()}
	for _, kind := range kinds {
		allowed = append(allowed, reflect.TypeOf(kind))
	}
	for _, node := range nodes(t) {
		for _, f := range flagsFrom(node) {
			kind := f.Target.Type()
			if kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice && kind != reflect.TypeFor[hardwareAddr]() {
				kind = kind.Elem()
			}
			if !slices.Contains(allowed, kind) {
				t.Errorf("%s --%s has the type %v: use one of the types of kinds in words.go", node.Name, f.Name, kind)
			}
		}
	}
}

package arch

import (
	"fmt"
	"slices"
	"strings"
)

// module is the path of our module.
const module = "github.com/masstrace/masstrace/"

// mayImport is the import table: the packages of ours that a package may import, not counting its
// tests. A package that is not in the table must not exist.
var mayImport = map[string][]string{
	// The parts of a scan: the data path.
	"internal/probe":                    {},
	"internal/wire":                     {},
	"internal/permute":                  {},
	"ratelimit":                         {},
	"internal/link":                     {},
	"internal/memory":                   {},
	"internal/account":                  {"internal/probe"},
	"internal/record":                   {"internal/account", "internal/probe"},
	"internal/record/schema":            {},
	"internal/record/schema/schematest": {"internal/effort", "internal/record/schema"},
	"internal/window":                   {"internal/account", "internal/memory", "internal/probe"},
	"internal/target":                   {"internal/outfile", "internal/permute", "internal/probe"},
	"internal/codec":                    {"internal/probe", "internal/wire"},
	"internal/multipath":                {"internal/probe", "internal/record"},
	"internal/schedule":                 {"internal/multipath", "internal/permute", "internal/probe", "internal/window"},
	"sender":                            {"internal/codec", "internal/memory", "internal/probe", "internal/window", "ratelimit"},
	"receiver":                          {"internal/account", "internal/codec", "internal/linklayer", "internal/pcapng", "internal/probe", "internal/wire"},
	"matcher":                           {"internal/account", "internal/probe", "internal/window"},
	"internal/trace":                    {"internal/account", "internal/memory", "internal/multipath", "internal/probe", "internal/record", "internal/window"},

	// Results and files.
	"internal/outfile":           {},
	"internal/pcapng":            {"internal/outfile"},
	"internal/mrt":               {},
	"internal/plaintext":         {},
	"internal/jsonscan":          {},
	"internal/linklayer":         {"internal/pcapng"},
	"internal/format":            {"internal/outfile", "internal/probe", "internal/record"},
	"internal/format/all":        {"internal/format", "internal/format/atlas", "internal/format/caracal", "internal/format/flatlinks", "internal/format/lists", "internal/format/mtr", "internal/format/ndjson", "internal/format/parquet", "internal/format/scamper", "internal/format/traceroute", "internal/format/warts", "internal/format/yarrp", "internal/outfile"},
	"internal/format/atlas":      {"internal/format", "internal/jsonscan", "internal/plaintext", "internal/probe", "internal/record", "internal/wire"},
	"internal/format/caracal":    {"internal/format", "internal/probe", "internal/record", "internal/wire"},
	"internal/format/hops":       {"internal/record", "internal/wire"},
	"internal/format/ndjson":     {"internal/format", "internal/format/tracelb", "internal/jsonscan", "internal/plaintext", "internal/probe", "internal/record", "internal/wire"},
	"internal/format/scamper":    {"internal/format", "internal/format/ndjson", "internal/format/tracelb", "internal/plaintext", "internal/probe", "internal/record", "internal/wire"},
	"internal/format/traceroute": {"internal/format", "internal/plaintext", "internal/probe", "internal/record", "internal/wire"},
	"internal/format/lists":      {"internal/format", "internal/probe", "internal/record"},
	"internal/format/mtr":        {"internal/format", "internal/probe", "internal/record"},
	"internal/format/parquet":    {"internal/format", "internal/format/flatlinks", "internal/probe", "internal/record", "internal/wire"},
	"internal/format/flatlinks":  {"internal/format", "internal/probe", "internal/record"},
	"internal/format/tracelb":    {"internal/probe", "internal/record", "internal/wire"},
	"internal/format/warts":      {"internal/format", "internal/format/tracelb", "internal/probe", "internal/record", "internal/wire"},
	"internal/format/yarrp":      {"internal/format", "internal/plaintext", "internal/probe", "internal/record", "internal/wire"},
	"internal/fileset":           {"internal/format", "internal/format/all", "internal/format/ndjson", "internal/outfile", "internal/record"},
	"internal/annotate":          {"internal/mrt", "internal/outfile", "internal/plaintext", "internal/probe", "internal/record"},
	"internal/show":              {"internal/draw", "internal/fileset", "internal/format", "internal/format/all", "internal/probe", "internal/record", "internal/run", "internal/verdict"},
	"internal/draw":              {"internal/probe", "internal/record"},
	"internal/change":            {},
	"internal/watch/board":       {"internal/change", "internal/probe", "internal/wire"},
	"internal/watch/journal":     {"internal/plaintext", "internal/probe", "internal/watch/board", "internal/wire"},
	"internal/watch/table":       {"internal/probe", "internal/watch/board"},
	"internal/watch/screen":      {"internal/watch/board", "internal/watch/table"},
	"internal/report":            {"internal/compare", "internal/findings", "internal/format", "internal/inputs", "internal/listen", "internal/outfile", "internal/plaintext", "internal/probe", "internal/record", "internal/run", "internal/verdict", "internal/wire"},
	"internal/inputs":            {"internal/fileset", "internal/format", "internal/format/all", "internal/format/ndjson", "internal/format/parquet", "internal/format/scamper", "internal/outfile", "internal/record", "internal/run"},
	"internal/compare":           {"internal/change", "internal/inputs", "internal/outfile", "internal/probe", "internal/record", "internal/run"},
	"internal/linkgraph":         {"internal/plaintext", "internal/probe", "internal/record"},
	"internal/figure":            {"internal/record"},
	"internal/query":             {"internal/format", "internal/format/ndjson", "internal/format/parquet", "internal/inputs", "internal/outfile", "internal/run"},
	"internal/convert":           {"internal/fileset", "internal/format", "internal/format/all", "internal/format/ndjson", "internal/format/scamper", "internal/outfile", "internal/record", "internal/run", "internal/verdict"},
	"internal/merge":             {"internal/fileset", "internal/findings", "internal/format", "internal/format/ndjson", "internal/jsonscan", "internal/outfile", "internal/probe", "internal/record", "internal/run"},

	// The base of the programs: nothing here depends on a program.
	"internal/run":                   {"internal/record", "sender"},
	"internal/keyring":               {"internal/codec", "internal/plan", "internal/probe", "internal/wire"},
	"internal/listen":                {},
	"internal/metrics/metricstest":   {},
	"internal/metrics":               {"internal/account", "internal/listen", "internal/observe", "internal/record"},
	"internal/statusfile":            {"internal/observe", "internal/outfile"},
	"internal/progress":              {"internal/observe", "internal/record", "internal/tabular"},
	"internal/progress/terminaltest": {},
	"internal/observe":               {"internal/account", "internal/probe", "internal/record"},
	"internal/intake":                {"internal/format", "internal/format/all", "internal/format/warts", "internal/mrt", "internal/outfile", "internal/probe", "internal/record", "internal/target"},
	"internal/plan":                  {"internal/account", "internal/codec", "internal/intake", "internal/multipath", "internal/permute", "internal/probe", "internal/record", "internal/schedule", "internal/target", "internal/trace", "internal/window", "ratelimit", "sender"},
	"internal/session":               {"internal/codec", "internal/link", "internal/observe", "internal/plan", "internal/probe", "internal/wire", "ratelimit", "receiver", "sender"},
	"internal/capture":               {"internal/codec", "internal/outfile", "internal/pcapng", "internal/plan", "internal/probe", "internal/record", "internal/target", "internal/window", "receiver", "sender"},
	"internal/checkpoint":            {"internal/fileset", "internal/findings", "internal/outfile", "internal/plan", "internal/record", "internal/target"},
	"internal/autorate":              {"internal/observe", "internal/record", "internal/window", "ratelimit", "sender"},
	"internal/recorder":              {"internal/account", "internal/format", "internal/record", "internal/trace", "internal/window"},
	"internal/findings":              {"internal/format", "internal/probe", "internal/record"},
	"internal/highlights":            {"internal/probe", "internal/record"},
	"internal/verdict":               {"internal/format", "internal/probe", "internal/record"},
	"internal/gather":                {"internal/account", "internal/codec", "internal/format", "internal/probe", "internal/record", "internal/trace", "internal/window", "matcher"},

	// The programs: none imports another.
	"internal/scan":             {"internal/account", "internal/autorate", "internal/capture", "internal/checkpoint", "internal/codec", "internal/fileset", "internal/findings", "internal/format", "internal/format/ndjson", "internal/link", "internal/observe", "internal/outfile", "internal/plan", "internal/probe", "internal/record", "internal/recorder", "internal/run", "internal/schedule", "internal/session", "internal/target", "internal/trace", "internal/verdict", "internal/window", "matcher", "ratelimit", "receiver", "sender"},
	"internal/list":             {"internal/account", "internal/capture", "internal/codec", "internal/fileset", "internal/findings", "internal/format", "internal/format/ndjson", "internal/gather", "internal/link", "internal/observe", "internal/outfile", "internal/pcapng", "internal/plan", "internal/probe", "internal/record", "internal/run", "internal/session", "internal/target", "internal/verdict", "internal/window", "ratelimit", "receiver", "sender"},
	"internal/traceroute":       {"internal/codec", "internal/format", "internal/format/traceroute", "internal/link", "internal/multipath", "internal/observe", "internal/plaintext", "internal/plan", "internal/probe", "internal/record", "internal/run", "internal/schedule", "internal/session", "internal/target", "internal/trace", "internal/verdict", "internal/window", "matcher", "ratelimit", "receiver", "sender"},
	"internal/watch":            {"internal/codec", "internal/keyring", "internal/link", "internal/observe", "internal/plan", "internal/probe", "internal/run", "internal/session", "internal/watch/board", "internal/window", "internal/wire", "ratelimit", "receiver", "sender"},
	"internal/follow":           {"internal/account", "internal/codec", "internal/follow/engine", "internal/format/ndjson", "internal/keyring", "internal/link", "internal/observe", "internal/outfile", "internal/plan", "internal/probe", "internal/record", "internal/run", "internal/session", "internal/wire", "ratelimit", "receiver", "sender"},
	"internal/follow/engine":    {"internal/change", "internal/probe", "internal/record"},
	"internal/follow/simulated": {"internal/codec", "internal/follow/engine", "internal/netsim", "internal/probe", "internal/record"},
	"internal/replay":           {"internal/account", "internal/capture", "internal/codec", "internal/fileset", "internal/findings", "internal/format", "internal/format/ndjson", "internal/gather", "internal/linklayer", "internal/observe", "internal/outfile", "internal/pcapng", "internal/plan", "internal/probe", "internal/record", "internal/recorder", "internal/run", "internal/target", "internal/trace", "internal/verdict", "internal/window", "matcher", "receiver"},

	// The library: the only package with a promise.
	".": {"internal/account", "internal/format", "internal/format/all", "internal/format/ndjson", "internal/link", "internal/observe", "internal/outfile", "internal/pcapng", "internal/plan", "internal/probe", "internal/record", "internal/replay", "internal/run", "internal/scan", "internal/session", "internal/traceroute", "internal/wire", "sender"},

	// A fleet of vantage points. Only probing knows a program.
	"internal/fleet/agent":               {"internal/fleet/budget", "internal/fleet/creds", "internal/fleet/job", "internal/fleet/known", "internal/fleet/lease", "internal/fleet/ledger", "internal/fleet/policy", "internal/fleet/talk", "internal/intake", "internal/outfile", "internal/plan", "internal/record", "internal/target", "internal/window"},
	"internal/fleet/budget":              {"ratelimit"},
	"internal/fleet/client":              {"internal/convert", "internal/fleet/creds", "internal/fleet/job", "internal/fleet/ledger", "internal/fleet/talk", "internal/format/ndjson", "internal/merge", "internal/outfile", "internal/plan", "internal/record"},
	"internal/fleet/creds":               {"internal/fleet/job", "internal/outfile"},
	"internal/fleet/hub":                 {"internal/fleet/broker", "internal/fleet/budget", "internal/fleet/creds", "internal/fleet/job", "internal/fleet/known", "internal/fleet/lease", "internal/fleet/ledger", "internal/fleet/talk", "internal/format/ndjson", "internal/intake", "internal/listen", "internal/outfile", "internal/plan", "internal/tabular", "internal/target"},
	"internal/fleet/job":                 {"internal/fleet/ledger", "internal/plan", "internal/probe", "internal/record"},
	"internal/fleet/known":               {"internal/format", "internal/probe", "internal/record", "internal/window"},
	"internal/fleet/lease":               {},
	"internal/fleet/ledger":              {},
	"internal/fleet/policy":              {"internal/fleet/job", "internal/intake", "internal/quantity", "internal/target"},
	"internal/fleet/probing":             {"internal/fleet/agent", "internal/fleet/known", "internal/format", "internal/observe", "internal/outfile", "internal/plan", "internal/record", "internal/scan", "internal/session"},
	"internal/fleet/talk":                {"internal/fleet/budget", "internal/fleet/creds", "internal/fleet/job", "internal/fleet/lease", "internal/fleet/ledger"},
	"internal/fleet/objects":             {"internal/fleet/ledger"},
	"internal/fleet/objects/objectstest": {},
	"internal/fleet/broker":              {"internal/fleet/creds", "internal/fleet/talk", "internal/listen", "internal/outfile"},

	// Tests of the above. netsim is an independent witness, so it shares no code with us.
	"internal/netsim":         {"internal/quantity"},
	"internal/lab":            {},
	"internal/lab/netns":      {},
	"internal/lab/names":      {},
	"internal/lab/routers":    {"internal/lab", "internal/lab/names"},
	"internal/lab/veth":       {"internal/lab"},
	"internal/lab/management": {"internal/lab", "internal/lab/veth"},
	"internal/lab/internet":   {"internal/lab", "internal/lab/management", "internal/lab/names", "internal/lab/veth", "internal/netsim", "internal/outfile"},
	"internal/quantity":       {},
	"internal/tabular":        {},
	"internal/verify":         {"internal/fileset", "internal/format", "internal/format/all", "internal/format/ndjson", "internal/intake", "internal/netsim", "internal/probe", "internal/record", "internal/run", "internal/tabular", "internal/target", "internal/verdict", "internal/wire"},
	"internal/grammar":        {},
	"internal/faulty":         {"internal/codec", "internal/link", "internal/session", "ratelimit", "receiver", "sender"},

	"cmd/masstrace":          {"cmd/masstrace/commands"},
	"cmd/masstrace/generate": {"cmd/masstrace/commands", "internal/grammar"},
	"cmd/masstrace/commands": {"internal/account", "internal/annotate", "internal/compare", "internal/convert", "internal/draw", "internal/figure", "internal/fleet/agent", "internal/fleet/broker", "internal/fleet/client", "internal/fleet/creds", "internal/fleet/hub", "internal/fleet/job", "internal/fleet/objects", "internal/fleet/policy", "internal/fleet/probing", "internal/fleet/talk", "internal/follow", "internal/format", "internal/format/all", "internal/format/hops", "internal/format/ndjson", "internal/format/traceroute", "internal/grammar", "internal/highlights", "internal/inputs", "internal/intake", "internal/lab", "internal/lab/internet", "internal/lab/management", "internal/lab/routers", "internal/link", "internal/linkgraph", "internal/list", "internal/listen", "internal/merge", "internal/metrics", "internal/multipath", "internal/netsim", "internal/observe", "internal/outfile", "internal/plaintext", "internal/plan", "internal/probe", "internal/progress", "internal/quantity", "internal/query", "internal/record", "internal/record/schema", "internal/replay", "internal/report", "internal/run", "internal/scan", "internal/session", "internal/show", "internal/statusfile", "internal/tabular", "internal/target", "internal/traceroute", "internal/verify", "internal/watch", "internal/watch/board", "internal/watch/journal", "internal/watch/screen", "internal/watch/table", "internal/wire"},

	// Build tools, measurements and demonstrations.
	"bench":               {},
	"bench/lab":           {"bench", "internal/codec", "internal/link", "internal/probe", "internal/tabular", "sender"},
	"bench/micro":         {"bench", "internal/tabular"},
	"bench/pace":          {"bench", "internal/codec", "internal/tabular", "ratelimit", "sender"},
	"bench/formats":       {"bench", "bench/imagine", "internal/format", "internal/format/all", "internal/format/flatlinks", "internal/record", "internal/tabular"},
	"bench/follow":        {"bench", "internal/follow/engine", "internal/follow/simulated", "internal/netsim", "internal/probe", "internal/tabular"},
	"bench/imagine":       {"internal/probe", "internal/record", "internal/wire"},
	"bench/query":         {"bench", "bench/imagine", "internal/format", "internal/format/all", "internal/outfile", "internal/probe", "internal/query", "internal/record", "internal/tabular"},
	"bench/read":          {"bench", "bench/imagine", "internal/format", "internal/format/all", "internal/format/ndjson", "internal/outfile", "internal/probe", "internal/record", "internal/tabular"},
	"bench/receive":       {"bench", "internal/codec", "internal/lab", "internal/permute", "internal/probe", "internal/tabular", "internal/target", "internal/wire"},
	"bench/replay":        {"bench", "internal/codec", "internal/netsim", "internal/pcapng", "internal/probe", "internal/tabular", "receiver"},
	"bench/scale":         {"bench", "internal/tabular"},
	"bench/send":          {"bench", "internal/codec", "internal/permute", "internal/probe", "internal/schedule", "internal/tabular", "internal/target", "internal/window", "ratelimit", "sender"},
	"bench/soak":          {"bench", "internal/format/ndjson", "internal/lab/internet", "internal/netsim", "internal/record"},
	"bench/strategy":      {"bench", "internal/format/all", "internal/multipath", "internal/probe", "internal/record", "internal/tabular", "internal/verify"},
	"bench/fleet":         {"bench", "internal/fleet/agent", "internal/fleet/client", "internal/fleet/creds", "internal/fleet/hub", "internal/fleet/job", "internal/fleet/lease", "internal/outfile", "internal/plan", "internal/probe", "internal/record", "internal/tabular"},
	"bench/watch":         {"bench", "internal/tabular"},
	"internal/acceptance": {},
	"internal/arch":       {},
	"internal/effort":     {},
	"internal/demo":       {"internal/format/all", "internal/record", "internal/tabular", "internal/verify", "internal/wire"},
	"internal/programs":   {},
	"internal/prose":      {},
	"internal/tools":      {"internal/effort"},
}

// keptIn lists the packages of ours that may import a third-party module.
type keptIn struct {
	path     string
	packages []string
	tests    testRule
}

// testRule states whether the tests of other packages may import it too.
type testRule int

const (
	testsToo testRule = iota
	testsFree
)

var thirdParty = []keptIn{
	{"github.com/google/gopacket", []string{"receiver", "sender"}, testsFree},
	{"github.com/alecthomas/kong", []string{"cmd/masstrace/commands"}, testsToo},
	{"kernel.org/pub/linux/libs/security/libcap", []string{"internal/link", "cmd/masstrace/commands"}, testsToo},
	{"github.com/axiomhq/hyperloglog", []string{"internal/findings"}, testsToo},
	{"golang.org/x/sync/errgroup", []string{"internal/run"}, testsToo},
	// A scan must not run other programs.
	{"os/exec", []string{"internal/lab", "internal/lab/routers", "internal/query", "internal/follow", "bench", "bench/lab", "bench/micro", "bench/query", "bench/receive", "bench/replay", "bench/send", "bench/soak", "bench/strategy"}, testsFree},
	{"golang.org/x/net/dns/dnsmessage", []string{"internal/lab/names"}, testsToo},
	{"github.com/oschwald/maxminddb-golang", []string{"internal/annotate"}, testsToo},
	{"github.com/prometheus/client_golang", []string{"internal/fleet/hub", "internal/metrics", "internal/metrics/metricstest"}, testsToo},
	{"github.com/gaissmai/bart", []string{"internal/annotate"}, testsToo},
	{"github.com/parquet-go/parquet-go", []string{"internal/format/parquet"}, testsToo},
	{"github.com/minio/minio-go", []string{"internal/fleet/objects"}, testsToo},
	{"github.com/johannesboyne/gofakes3", []string{"internal/fleet/objects/objectstest"}, testsToo},
	{"github.com/nats-io/nats-server", []string{"internal/fleet/broker"}, testsFree},
	{"github.com/nats-io/nats.go", []string{"internal/fleet/broker", "internal/fleet/talk"}, testsFree},
	{"github.com/nats-io/nkeys", []string{"internal/fleet/broker", "internal/fleet/creds", "internal/fleet/talk"}, testsFree},
	{"github.com/santhosh-tekuri/jsonschema", []string{"internal/record/schema/schematest"}, testsToo},
	{"github.com/osrg/gobgp", []string{"internal/mrt", "internal/annotate"}, testsToo},
	{"github.com/ulikunitz/xz", []string{"internal/outfile"}, testsFree},
	{"charm.land/bubbletea", []string{"internal/watch/screen"}, testsToo},
	{"charm.land/lipgloss", []string{"internal/progress", "internal/watch/screen"}, testsToo},
	{"github.com/charmbracelet", []string{"internal/progress", "internal/watch/screen"}, testsToo},
	// The browser of the tests of reports.
	{"github.com/chromedp", []string{"internal/tools"}, testsToo},
	{"gonum.org/v1/plot", []string{"internal/figure"}, testsToo},
	{"github.com/cilium/ebpf", []string{"bench/receive"}, testsToo},
}

// sourceFile is the part of a source file that the rules check.
type sourceFile struct {
	path    string // from the root of the module, with slashes
	pkg     string // its folder, with slashes; the root itself is "."
	isTest  bool
	imports []string
}

// violations returns the violations of the import rules in f.
func violations(f sourceFile) []string {
	allowed, known := mayImport[f.pkg]
	if !known {
		return []string{fmt.Sprintf("%s: package %s is not in the import table", f.path, f.pkg)}
	}
	var found []string
	for _, path := range f.imports {
		ours, isOurs := strings.CutPrefix(path, module)
		if isOurs && !f.isTest && ours != f.pkg && !slices.Contains(allowed, ours) {
			found = append(found, fmt.Sprintf("%s: %s must not import %s", f.path, f.pkg, ours))
		}
		for _, rule := range thirdParty {
			if path != rule.path && !strings.HasPrefix(path, rule.path+"/") {
				continue
			}
			if slices.Contains(rule.packages, f.pkg) || f.isTest && rule.tests == testsFree {
				continue
			}
			found = append(found, fmt.Sprintf("%s: only %s may import %s",
				f.path, strings.Join(rule.packages, ", "), rule.path))
		}
	}
	return found
}

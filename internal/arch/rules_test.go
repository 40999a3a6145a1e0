package arch

import (
	"fmt"
	"slices"
	"strings"
)

// module is our module path.
const module = "github.com/masstrace/masstrace/"

// mayImport is the import table: which of our packages a package may import,
// its tests apart. A package that is not in it may not exist.
var mayImport = map[string][]string{
	// What a scan is made of.
	"internal/probe":    {},
	"internal/wire":     {},
	"internal/permute":  {},
	"ratelimit":         {},
	"internal/link":     {},
	"internal/memory":   {},
	"internal/window":   {"internal/account", "internal/memory", "internal/probe"},
	"internal/target":   {"internal/permute", "internal/probe"},
	"internal/codec":    {"internal/probe", "internal/wire"},
	"internal/schedule": {"internal/permute", "internal/probe", "internal/window"},
	"sender":            {"internal/codec", "internal/memory", "internal/probe", "ratelimit", "internal/window"},
	"receiver":          {"internal/account", "internal/codec", "internal/probe", "internal/wire"},
	"matcher":           {"internal/account", "internal/probe", "internal/window"},
	"internal/outfile":  {},
	"internal/pcapng":   {"internal/outfile"},
	"internal/account":  {"internal/probe"},
	"internal/record":   {"internal/account", "internal/probe"},
	"internal/trace":    {"internal/account", "internal/memory", "internal/probe", "internal/record", "internal/window", "internal/wire"},
	"output":            {"internal/probe", "internal/record", "internal/trace", "internal/wire"},
	"engine": {"internal/codec", "internal/link", "matcher", "output", "internal/permute", "internal/probe", "internal/record", "ratelimit", "receiver",
		"internal/schedule", "sender", "internal/target", "internal/trace", "internal/window", "internal/wire"},

	// What checks it. netsim is a witness, and so may share nothing with us.
	"internal/netsim":       {},
	"internal/lab":          {"internal/link", "internal/netsim"},
	"internal/lab/routers":  {"internal/lab"},
	"internal/lab/internet": {"internal/lab", "internal/link", "internal/netsim"},
	"internal/verify":       {"internal/format", "internal/format/all", "internal/format/ndjson", "internal/record", "internal/netsim", "internal/probe", "internal/target", "internal/wire"},
	"internal/merge":        {"internal/format", "internal/format/ndjson", "internal/outfile", "internal/record", "internal/run"},

	"cmd/masstrace": {"internal/account", "internal/lab", "internal/lab/internet", "internal/lab/routers", "internal/link", "internal/list",
		"internal/merge", "internal/observe", "internal/plan", "internal/probe", "internal/record", "internal/replay", "internal/run", "internal/scan",
		"internal/session", "internal/traceroute", "internal/verify", "internal/wire"},

	// What builds, measures and shows it.
	"bench":                 {},
	"bench/lab":             {"bench", "internal/codec", "internal/link", "internal/probe", "sender"},
	"bench/micro":           {"bench"},
	"bench/receive":         {"bench", "internal/codec", "internal/lab", "internal/permute", "internal/probe", "internal/target", "internal/wire"},
	"bench/replay":          {"bench", "internal/codec", "internal/netsim", "internal/pcapng", "internal/probe", "receiver"},
	"bench/strategy":        {"bench", "output"},
	"bench/soak":            {"bench", "internal/gotest", "internal/lab/internet", "internal/netsim", "output"},
	"bench/scale":           {"bench"},
	"bench/send":            {"bench", "internal/codec", "internal/permute", "internal/probe", "ratelimit", "internal/schedule", "sender", "internal/target", "internal/window"},
	"bench/pace":            {"bench", "internal/codec", "ratelimit", "sender"},
	"internal/acceptance":   {}, // tests only
	"internal/arch":         {},
	"internal/demo":         {"internal/format/all", "internal/record", "internal/verify", "internal/wire"},
	"internal/gotest":       {},
	"internal/gotest/tally": {"internal/gotest"},
}

// keptIn says which of our packages may import a module of others.
type keptIn struct {
	path     string
	packages []string
	tests    testRule
}

// testRule says whether the tests of other packages may, too.
type testRule int

const (
	testsToo testRule = iota
	testsFree
)

var thirdParty = []keptIn{
	{"github.com/google/gopacket", []string{"receiver", "output", "sender"}, testsFree},
	{"github.com/alecthomas/kong", []string{"cmd/masstrace"}, testsToo},
	{"golang.org/x/sync/errgroup", []string{"engine"}, testsToo},
	// A scan runs no program.
	{"os/exec", []string{"internal/lab", "internal/lab/routers", "bench", "bench/lab", "bench/micro", "bench/receive", "bench/replay", "bench/send", "bench/soak", "bench/strategy"}, testsFree},
	{"github.com/cilium/ebpf", []string{"bench/receive"}, testsToo},
}

// sourceFile is what the rules look at.
type sourceFile struct {
	path    string // from the root of the module, with slashes
	pkg     string // its folder likewise, the root itself "."
	isTest  bool
	imports []string
}

// violations returns what f breaks of the rules on imports.
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

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
	"probe":     {},
	"wire":      {},
	"permute":   {},
	"ratelimit": {},
	"link":      {},
	"memory":    {},
	"window":    {"memory", "probe"},
	"target":    {"permute", "probe"},
	"codec":     {"probe", "wire"},
	"schedule":  {"permute", "probe", "window"},
	"sender":    {"codec", "memory", "probe", "ratelimit", "window"},
	"receiver":  {"codec", "probe", "wire"},
	"matcher":   {"probe", "window"},
	"trace":     {"memory", "probe", "window", "wire"},
	"output":    {"probe", "trace", "wire"},
	"engine": {"codec", "link", "matcher", "output", "permute", "probe", "ratelimit", "receiver",
		"schedule", "sender", "target", "trace", "window", "wire"},

	// What checks it. netsim is a witness, and so may share nothing with us.
	"netsim":       {},
	"lab":          {"link", "netsim"},
	"lab/routers":  {"lab"},
	"lab/internet": {"lab", "link", "netsim"},
	"verify":       {"netsim", "output", "probe", "target", "trace"},

	"cmd/masstrace": {"engine", "lab", "lab/internet", "lab/routers", "output", "probe", "verify"},

	// What builds, measures and shows it.
	"bench":                 {},
	"bench/lab":             {"bench", "codec", "link", "probe", "sender"},
	"bench/micro":           {"bench"},
	"bench/receive":         {"bench", "codec", "lab", "permute", "probe", "target", "wire"},
	"bench/replay":          {"bench", "codec", "netsim", "probe", "receiver"},
	"bench/strategy":        {"bench", "output"},
	"bench/soak":            {"bench", "internal/gotest", "lab/internet", "netsim", "output"},
	"bench/scale":           {"bench"},
	"bench/send":            {"bench", "codec", "permute", "probe", "ratelimit", "schedule", "sender", "target", "window"},
	"bench/pace":            {"bench", "codec", "ratelimit", "sender"},
	"internal/acceptance":   {}, // tests only
	"internal/arch":         {},
	"internal/demo":         {"output", "verify"},
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
	{"os/exec", []string{"lab", "lab/routers", "bench", "bench/lab", "bench/micro", "bench/receive", "bench/replay", "bench/send", "bench/soak", "bench/strategy"}, testsFree},
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

package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every test that the threat model names exists.
func TestThreatModel(t *testing.T) {
	declared := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, f := range sources(t) {
		if !f.isTest {
			continue
		}
		for _, m := range function.FindAllStringSubmatch(text(t, f), -1) {
			declared[m[1]] = true
		}
	}
	named := regexp.MustCompile(`\b(?:Test|Fuzz)\w+`).FindAllString(document(t, "docs/threat-model.md"), -1)
	if len(named) < 30 {
		t.Errorf("it names only %d tests", len(named))
	}
	for _, name := range named {
		if !declared[name] {
			t.Errorf("docs/threat-model.md names %s, which is not there", name)
		}
	}
}

// Only the package that traces for a person looks up names. No other code makes a network
// connection.
func TestNoResolver(t *testing.T) {
	const allowed = "internal/traceroute/names.go"
	network := regexp.MustCompile(`\bnet\.(Dial|Listen\w*\(|Lookup|Resolve|DefaultResolver|Resolver)|"net/(http|rpc|smtp)"`)
	found := false
	for _, f := range sources(t) {
		if f.isTest {
			continue
		}
		match := network.FindString(text(t, f))
		found = found || match != "" && f.path == allowed
		// The lab has a network of its own. A hub is asked to listen.
		ours := strings.HasPrefix(f.path, "internal/lab/") || f.path == "internal/fleet/hub/page.go"
		if match != "" && f.path != allowed && !ours {
			t.Errorf("%s uses %s", f.path, match)
		}
	}
	if !found {
		t.Errorf("%s looks nothing up: the rule has lost its object", allowed)
	}
}

// Flags have their names in the command alone: a library has no flags.
func TestNoFlags(t *testing.T) {
	flag := regexp.MustCompile("\"[^\"\\n]*(--[a-z]|Ctrl-C)[^\"\\n]*\"")
	own := []string{"cmd/", "bench/", "internal/acceptance", "internal/arch", "internal/demo", "internal/lab", "internal/prose"}
	for _, f := range sources(t) {
		inCommand := slices.ContainsFunc(own, func(dir string) bool { return strings.HasPrefix(f.path, dir) })
		if match := flag.FindString(text(t, f)); match != "" && !f.isTest && !inCommand {
			t.Errorf("%s names a flag: %s", f.path, match)
		}
	}
}

func text(t *testing.T, f source) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(f.path)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

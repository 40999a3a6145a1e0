package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every test that the threat model and the matrix of formats name exists.
func TestNamedTests(t *testing.T) {
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
	for page, least := range map[string]int{"docs/threat-model.md": 30, "docs/formats.md": 30} {
		named := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(document(t, page), -1)
		if len(named) < least {
			t.Errorf("%s names only %d tests", page, len(named))
		}
		for _, name := range named {
			if !declared[name] {
				t.Errorf("%s names %s, which is not there", page, name)
			}
		}
	}
}

// Only the package that traces for a person looks up addresses, and only the reader of targets
// looks up names. Reports, metrics and a hub have a server, for this machine unless the user names
// another address. A followed change is posted where the user names a URL. No other code makes a
// network connection.
func TestNoResolver(t *testing.T) {
	allowed := []string{
		"internal/traceroute/names.go", "internal/intake/names.go", "internal/report/serve.go", "internal/listen/listen.go", "internal/listen/server.go", "internal/metrics/server.go", "internal/fleet/broker/inside.go", "internal/fleet/hub/page.go", "internal/fleet/hub/metrics.go", "internal/follow/post.go",
	}
	reverse := regexp.MustCompile(`\bLookup(Addr|CNAME|PTR)`)
	network := regexp.MustCompile(`\bnet\.(Dial|Listen\w*\(|Lookup|Resolve|DefaultResolver|Resolver)|"net/(http|rpc|smtp)"`)
	found := 0
	for _, f := range sources(t) {
		if f.isTest {
			continue
		}
		if f.path == allowed[1] && reverse.MatchString(text(t, f)) {
			t.Errorf("%s looks addresses up", f.path)
		}
		match := network.FindString(text(t, f))
		isAllowed := slices.Contains(allowed, f.path)
		if match != "" && isAllowed {
			found++
		}
		// The lab has a network of its own, and so have tests of object stores.
		if match != "" && !isAllowed && !strings.HasPrefix(f.path, "internal/lab/") && f.pkg != "internal/fleet/objects/objectstest" {
			t.Errorf("%s uses %s", f.path, match)
		}
	}
	if found != len(allowed) {
		t.Errorf("only %d of %s look something up: the rule has lost its object", found, allowed)
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

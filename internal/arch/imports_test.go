package arch

import (
	"slices"
	"testing"
)

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range sources(t) {
		seen[f.pkg] = true
		for _, v := range violations(f.sourceFile) {
			t.Error(v)
		}
	}
	if len(seen) < len(mayImport)/2 {
		t.Errorf("only packages %v were looked at", seen)
	}
}

func TestViolations(t *testing.T) {
	const gopacket = "github.com/google/gopacket/layers"
	tests := []struct {
		name string
		in   sourceFile
		want []string
	}{
		{name: "allowed", in: sourceFile{pkg: "internal/window", imports: []string{"fmt", module + "internal/probe"}}},
		{name: "ours, not in the table",
			in:   sourceFile{path: "internal/window/a.go", pkg: "internal/window", imports: []string{module + "internal/wire", module + "internal/probe"}},
			want: []string{"internal/window/a.go: internal/window must not import internal/wire"}},
		{name: "part of a name is another name",
			in:   sourceFile{path: "internal/window/a.go", pkg: "internal/window", imports: []string{module + "internal/probe/x"}},
			want: []string{"internal/window/a.go: internal/window must not import internal/probe/x"}},
		{name: "tests are free", in: sourceFile{pkg: "internal/window", isTest: true, imports: []string{module + "internal/wire", gopacket}}},
		{name: "gopacket where it belongs", in: sourceFile{pkg: "receiver", imports: []string{gopacket}}},
		{name: "gopacket elsewhere",
			in:   sourceFile{path: "internal/codec/a.go", pkg: "internal/codec", imports: []string{gopacket}},
			want: []string{"internal/codec/a.go: only receiver, sender may import github.com/google/gopacket"}},
		{name: "kong elsewhere, even in a test",
			in:   sourceFile{path: "internal/scan/a_test.go", pkg: "internal/scan", isTest: true, imports: []string{"github.com/alecthomas/kong"}},
			want: []string{"internal/scan/a_test.go: only cmd/masstrace/commands may import github.com/alecthomas/kong"}},
		{name: "errgroup elsewhere",
			in:   sourceFile{path: "sender/a.go", pkg: "sender", imports: []string{"golang.org/x/sync/errgroup"}},
			want: []string{"sender/a.go: only internal/run may import golang.org/x/sync/errgroup"}},
		{name: "the rest of x/sync is not errgroup", in: sourceFile{pkg: "sender", imports: []string{"golang.org/x/sync/semaphore"}}},
		{name: "unknown package",
			in:   sourceFile{path: "util/a.go", pkg: "util"},
			want: []string{"util/a.go: package util is not in the import table"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := violations(tt.in); !slices.Equal(got, tt.want) {
				t.Errorf("violations = %q, want %q", got, tt.want)
			}
		})
	}
}

// The table itself may name only our packages, and must not contain a cycle.
func TestTable(t *testing.T) {
	state := map[string]int{}
	var walk func(pkg string)
	walk = func(pkg string) {
		const walking, done = 1, 2
		switch state[pkg] {
		case walking:
			t.Fatalf("%s imports itself in the end", pkg)
		case done:
			return
		}
		state[pkg] = walking
		for _, p := range mayImport[pkg] {
			if _, ok := mayImport[p]; !ok {
				t.Errorf("%s may import %s, which is not in the table", pkg, p)
			}
			walk(p)
		}
		state[pkg] = done
	}
	for pkg := range mayImport {
		walk(pkg)
	}
}

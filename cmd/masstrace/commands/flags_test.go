package commands

import (
	"io"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/masstrace/masstrace/internal/list"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/replay"
	"github.com/masstrace/masstrace/internal/scan"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/internal/traceroute"
)

// flagless are the fields that no user asks for.
var flagless = []string{"Director", "Vantage", "Learned",
	"Stdin", "Stdout", "Columns", "Warn", "Opened", "Failed", "Reread", "Inspect", "Observer", "Tool", "Argv", "Link",
	"Sinks", "Traces", // writers
	"Uses",                                   // files of other flags
	"Existing",                               // set by --overwrite
	"Packing", "ReplyPacking", "MetaPacking", // of the output, by its name
	"Immediate", "Target", // of traceroute
	"Pause",    // of watch
	"Draw",     // of --multipath
	"Resolver", // that of the system
}

// fieldsOf returns the names of the fields of a configuration, including embedded ones.
func fieldsOf(kind reflect.Type) (names []string) {
	for i := range kind.NumField() {
		f := kind.Field(i)
		switch {
		case f.Anonymous:
			names = append(names, fieldsOf(f.Type)...)
		case f.IsExported() && !slices.Contains(flagless, f.Name):
			names = append(names, f.Name)
		}
	}
	return names
}

// commandLine returns the parser of the command line, whose model is only read.
var commandLine = sync.OnceValues(func() (*kong.Kong, error) { return newParser(io.Discard, io.Discard, func(int) {}) })

// usageOf returns the flags and arguments of a command.
func usageOf(t *testing.T, command string) (names []string) {
	t.Helper()
	parser, err := commandLine()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(parser.Model.Children, func(n *kong.Node) bool { return n.Name == command })
	if i < 0 {
		t.Fatalf("no command %s", command)
	}
	node := parser.Model.Children[i]
	for _, group := range node.AllFlags(false) {
		for _, f := range group {
			names = append(names, "--"+f.Name)
			if f.Short != 0 {
				names = append(names, "-"+string(f.Short))
			}
		}
	}
	for _, p := range node.Positional {
		names = append(names, p.Name)
	}
	return names
}

// Every field of a configuration has a flag, and the flag is one of its command.
func TestFieldsHaveFlags(t *testing.T) {
	for _, tt := range []struct {
		command string
		configs []any
	}{
		{"scan", []any{plan.Config{}, scan.Config{}, list.Config{}, session.Config{}}},
		{"trace", []any{traceroute.Config{}}},
		{"replay", []any{replay.Config{}}},
	} {
		flags := flagsOf(tt.command)
		for _, c := range tt.configs {
			for _, field := range fieldsOf(reflect.TypeOf(c)) {
				if !isFlag(t, tt.command, flags.flag(field)) {
					t.Errorf("%s: the flag of %T.%s is %s, which there is not", tt.command, c, field, flags.flag(field))
				}
			}
		}
		for field, flag := range flags {
			if field != "windows" && !isFlag(t, tt.command, flag) {
				t.Errorf("%s: the flag of %s is %s, which there is not", tt.command, field, flag)
			}
		}
	}
}

// isFlag reports whether a command has a flag, or all of those that "and" joins.
func isFlag(t *testing.T, command, flag string) bool {
	t.Helper()
	usage := usageOf(t, command)
	for part := range strings.SplitSeq(flag, " and ") {
		if name, _, _ := strings.Cut(part, " "); !slices.Contains(usage, name) {
			return false
		}
	}
	return true
}

// blamed finds the fields that errors of the programs name, in their source.
var blamed = regexp.MustCompile(`(?:Refuse\(|ConfigError\{(?:Field: )?|ListError\(|Difference\{\{?\s*(?:Field: )?)"(\w+)"|\{"(\w+)", "\w+", func\(p \*Params\)`)

// Every field that an error names has a flag, of some command.
func TestBlamedFieldsHaveFlags(t *testing.T) {
	found := 0
	err := fs.WalkDir(os.DirFS("../../../internal"), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile("../../../internal/" + path)
		if err != nil {
			return err
		}
		for _, m := range blamed.FindAllStringSubmatch(string(text), -1) {
			field := m[1] + m[2]
			found++
			if field != "windows" && !slices.ContainsFunc([]string{"scan", "trace", "replay", "submit", "hub", "follow"}, func(command string) bool {
				return isFlag(t, command, flagsOf(command).flag(field))
			}) {
				t.Errorf("%s: %s has no flag", path, field)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 30 { // the options of plan alone
		t.Errorf("found %d fields: the expression misses some", found)
	}
}

package commands

import (
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/grammar"
)

// unit finds the unit of a number in the help of its flag.
var unit = regexp.MustCompile(`(?i)second|targets|flows|attempts|threads|probes|bits|bytes|TTL|port|0 to 255|number of|number from`)

// Every flag is in a group. If it has a value, it has a placeholder, and its help states the
// default. If the value is a number, the help names its unit. Each command has two examples.
func TestHelpIsComplete(t *testing.T) {
	for _, node := range nodes(t) {
		for _, f := range node.Flags {
			if f.Hidden {
				continue
			}
			name := node.Name + " --" + f.Name
			if f.Group == nil || f.Group.Title == "" {
				t.Errorf("%s is in no group", name)
			}
			if !strings.HasSuffix(f.Help, ".") {
				t.Errorf("%s: the help is no sentence: %q", name, f.Help)
			}
			if f.IsBool() {
				continue
			}
			if f.PlaceHolder == "" {
				t.Errorf("%s has no placeholder", name)
			}
			if !f.Required && !strings.Contains(f.Help, "Default: ") {
				t.Errorf("%s: the help states no default: %q", name, f.Help)
			}
			if numeric(f.Target.Type()) && !unit.MatchString(f.Help) {
				t.Errorf("%s: the help names no unit: %q", name, f.Help)
			}
		}
		if got := len(examplesOf(node)); got < 2 {
			t.Errorf("%s has %d examples, want 2 or more", node.Name, got)
		}
	}
}

// numeric reports whether values of a type are numbers.
func numeric(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64 && t != reflect.TypeFor[method]()
}

// Every example is a command line that the program accepts.
func TestExamplesParse(t *testing.T) {
	examples := map[string][]grammar.Example{"": new(cli).Examples()}
	for _, node := range nodes(t) {
		examples[node.Name] = examplesOf(node)
	}
	for name, list := range examples {
		for _, e := range list {
			if strings.HasSuffix(e.Purpose, ".") {
				t.Errorf("%s: a full stop after %q, where a colon follows", name, e.Purpose)
			}
			for line := range strings.Lines(e.Line) {
				_, line, _ = cutLast(line, "| ") // of a pipe, the last command
				args := strings.Fields(line)
				if args[0] != "masstrace" || name != "" && !strings.Contains(e.Line, "masstrace "+name) {
					t.Errorf("%s: example %q is of another command", name, line)
				}
				parses(t, args[1:])
			}
		}
	}
}

// cutLast returns the text before and after the last sep. Without one, all of the text is after.
func cutLast(text, sep string) (before, after string, found bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return "", text, false
	}
	return text[:i], text[i+len(sep):], true
}

// parses checks a command line, and the one after "lab -- masstrace".
func parses(t *testing.T, args []string) {
	t.Helper()
	parser, err := newParser(io.Discard, io.Discard, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	k, err := parser.Parse(args)
	if err != nil {
		t.Errorf("%v: %v", args, err)
		return
	}
	if err := contradict(k); err != nil {
		t.Errorf("%v: %v", args, err)
	}
	for i, a := range args {
		if a == "masstrace" {
			parses(t, args[i+1:])
		}
	}
}

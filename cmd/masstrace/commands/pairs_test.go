package commands

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// named reports whether a message names a flag.
func named(text string, f *kong.Flag) bool {
	return strings.Contains(text, "--"+f.Name) || f.Short != 0 && strings.Contains(text, "-"+string(f.Short))
}

// together returns a command line with some flags, and with the companions of each whose flags are
// not among them. Two flags that contradict each other have no companions.
func together(t *testing.T, command string, flags ...*kong.Flag) []string {
	t.Helper()
	var args []string
	given := map[string]bool{}
	add := func(arg string) {
		name, _, _ := strings.Cut(arg, "=")
		if !given[name] {
			args = append(args, arg)
		}
		given[name] = true
	}
	for i, f := range flags { // a companion may be the other flag, with a value that fits
		for _, c := range companionsOf(command, f.Name) {
			if name, _, _ := strings.Cut(c, "="); len(flags) == 2 && name == "--"+flags[1-i].Name {
				add(c)
			}
		}
	}
	for _, f := range flags {
		add(sampled(t, command, f))
	}
	if len(flags) == 2 && areContradictions(command, flags[0], flags[1]) {
		return completed(command, args...)
	}
	for _, f := range flags {
		for _, c := range companionsOf(command, f.Name) {
			add(c)
		}
	}
	return completed(command, args...)
}

// Each pair of flags is served, or refused by an error that names both.
func TestFlagPairs(t *testing.T) {
	parser := parserOf(t)
	for _, node := range parser.Model.Children {
		var flags []*kong.Flag
		for _, f := range flagsFrom(node) {
			if text := parsed(parser, together(t, node.Name, f)); text == "" {
				flags = append(flags, f)
			} else if !f.Hidden || !named(text, f) {
				t.Errorf("%s --%s is refused by itself: %s", node.Name, f.Name, text)
			}
		}
		served, refused := 0, 0
		for i, a := range flags {
			for _, b := range flags[i+1:] {
				text := parsed(parser, together(t, node.Name, a, b))
				contradicts := areContradictions(node.Name, a, b)
				switch {
				case text == "" && contradicts:
					t.Errorf("%s: --%s and --%s are taken together", node.Name, a.Name, b.Name)
				case text == "":
					served++
				case !named(text, a) || !named(text, b):
					t.Errorf("%s: --%s and --%s: the error does not name both: %s", node.Name, a.Name, b.Name, text)
				default:
					refused++
				}
			}
		}
		t.Logf("%s: %d flags, %d pairs: %d served, %d refused", node.Name, len(flags), served+refused, served, refused)
	}
}

// areContradictions reports whether the table has a pair.
func areContradictions(command string, a, b *kong.Flag) bool {
	one, other := given{a.Name: a}, given{b.Name: b}
	for _, c := range contradictions[command] {
		for _, name := range c.with {
			if one.find(c.flag) != "" && other.find(name) != "" || other.find(c.flag) != "" && one.find(name) != "" {
				return true
			}
		}
	}
	return false
}

// The names in the tables are flags or groups of their command.
func TestTablesNameFlags(t *testing.T) {
	for _, node := range nodes(t) {
		all := given{}
		for _, f := range flagsFrom(node) {
			all[f.Name] = f
		}
		for _, c := range contradictions[node.Name] {
			for _, name := range append(c.with, c.flag) {
				if all.find(name) == "" {
					t.Errorf("%s: no flag or group is called %s", node.Name, name)
				}
			}
		}
		for _, r := range requirements[node.Name] {
			for _, name := range append(r.flags, r.need) {
				if all[name] == nil {
					t.Errorf("%s has no flag --%s", node.Name, name)
				}
			}
		}
	}
}

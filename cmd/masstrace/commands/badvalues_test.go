package commands

import (
	"bytes"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/masstrace/masstrace/internal/effort"
)

// internals are words of the parser, of Go and of its libraries, which mean nothing to a user.
var internals = regexp.MustCompile(`strconv|value but got|EOL|ParseAddr|short flag|long flag|unable to parse|invalid syntax|\bu?int(8|16|32|64)?\b|float64|netip|reflect|commands\.|%!`)

// badValues are texts that no number, time, address or choice is.
var badValues = []string{
	"-5", "abc", "1e99", "99999999999999999999999999", "1 2", "ü", "٣", "0x", "1_0", "NaN", "-", "--", "/", ",", "=",
}

// neverValues are texts that no value of any flag is.
var neverValues = []string{"", "\x00", "a\x1b[1mb", "1\n"}

// takesText reports whether a flag takes any text: a name, a file, a seed. If that is wrong, the
// program finds it, and not the parser.
func takesText(f *kong.Flag) bool {
	kind := f.Target.Type()
	return (kind == reflect.TypeFor[string]() || kind == reflect.TypeFor[[]string]()) && f.Enum == ""
}

// A value that makes no sense is refused in one line that names its flag, in words of the user.
func TestBadValues(t *testing.T) {
	refused, parser := 0, parserOf(t)
	for _, node := range nodes(t) {
		for _, f := range flagsFrom(node) {
			values := neverValues
			switch {
			case f.IsBool():
				values = append([]string{"maybe"}, neverValues...)
			case !takesText(f):
				values = append(badValues[:len(badValues):len(badValues)], neverValues...)
				if !effort.Soaking() { // each flag has a third of them, and each third some flags
					third := (refused / 7) % 3 * len(badValues) / 3
					values = append(badValues[third:third+len(badValues)/3:third+len(badValues)/3], neverValues...)
				}
			}
			for _, value := range values {
				refused++
				checkRefused(t, parser, f, completed(node.Name, "--"+f.Name+"="+value))
				if value != "" && !strings.HasPrefix(value, "-") && !f.IsBool() {
					checkRefused(t, parser, f, completed(node.Name, "--"+f.Name, value))
				}
			}
			if !f.IsBool() {
				checkRefused(t, nil, f, append(completed(node.Name)[:1], "--"+f.Name))
				checkRefused(t, parser, f, append(completed(node.Name)[:1], "--"+f.Name, "--help"))
			}
			if !f.IsBool() && f.Short != 0 {
				checkRefused(t, parser, f, append(completed(node.Name)[:1], "-"+string(f.Short)))
			}
		}
	}
	if refused < 500 {
		t.Errorf("only %d values: the flags are not found", refused)
	}
}

// checkRefused checks a command line that must be refused because of a flag. The program runs it
// only if the parser takes it, since a parser of its own for each takes most of the time. A nil
// parser takes everything.
func checkRefused(t *testing.T, parser *kong.Kong, f *kong.Flag, args []string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status, text := statusUsage, ""
	if parser != nil {
		text = parsed(parser, ordered(parser.Model, ordinary(args)))
	}
	if text == "" {
		status = execute(args, strings.NewReader(""), &stdout, &stderr)
		text = strings.TrimSuffix(stderr.String(), "\n")
	}
	switch {
	case status != statusUsage || stdout.Len() > 0:
		t.Errorf("masstrace %q: status %d, %s%s", args, status, stdout.String(), text)
	case !named(text, f):
		t.Errorf("masstrace %q: the error does not name the flag: %s", args, text)
	case internals.MatchString(text):
		t.Errorf("masstrace %q: the error has words of the program: %s", args, text)
	case strings.Contains(text, "\n"):
		t.Errorf("masstrace %q: the error has several lines: %q", args, text)
	}
}

// A typo in a flag gets the nearest flag, and no list.
func TestTypos(t *testing.T) {
	parser := parserOf(t)
	for _, node := range parser.Model.Children {
		known := map[string]bool{"help": true}
		for _, f := range flagsFrom(node) {
			known[f.Name] = true
			for _, alias := range f.Aliases {
				known[alias] = true
			}
		}
		for _, f := range flagsFrom(node) {
			n := len(f.Name)
			if n < 4 || f.Hidden {
				continue
			}
			for _, typo := range []string{f.Name[:n-1], f.Name[:1] + f.Name[2:], f.Name[:n-2] + f.Name[n-1:] + f.Name[n-2:n-1], f.Name + "x"} {
				if known[typo] {
					continue
				}
				text := parsed(parser, []string{node.Name, "--" + typo})
				_, near, ok := strings.Cut(text, node.Name+" has no option --"+typo+"; the nearest is --")
				if !ok || typos(typo, near) > typos(typo, f.Name) {
					t.Errorf("%q, want --%s", text, f.Name)
				}
			}
		}
		for _, flag := range []string{"-Y", "-?", "--nothing-like-it"} {
			if text, want := parsed(parser, []string{node.Name, flag}), node.Name+" has no option "+flag+"; see masstrace "+node.Name+" --help"; text != want {
				t.Errorf("%q, want %q", text, want)
			}
		}
	}
	for action, want := range map[string]string{
		"servee": "hub has no action servee; the nearest is serve",
		"start":  "hub has no action start; the actions are serve, add-agent, add-submitter, revoke",
	} {
		if text := parsed(parser, []string{"hub", action}); text != want {
			t.Errorf("%q, want %q", text, want)
		}
	}
	for command, want := range map[string]string{
		"scam": "there is no command scam; the nearest is scan", "traec": "there is no command traec; the nearest is trace",
		"xyz": "there is no command xyz; the commands are scan, trace,", "mergge": "there is no command mergge; the nearest is merge",
		"--versoin": "masstrace has no option --versoin; the nearest is --version",
	} {
		if text := parsed(parser, []string{command}); !strings.HasPrefix(text, want) {
			t.Errorf("%q, want %q", text, want)
		}
	}
}

// Our words for the flags of other programs name flags that there are, and none is hidden by one of
// ours.
func TestElsewhere(t *testing.T) {
	for command, words := range foreignFlags {
		usage := usageOf(t, command)
		for flag, ours := range words {
			if slices.Contains(usage, flag) {
				t.Errorf("%s has %s", command, flag)
			}
			for word := range strings.FieldsSeq(ours) {
				if word = strings.TrimRight(word, ","); strings.HasPrefix(word, "-") && !slices.Contains(usage, word) {
					t.Errorf("%s %s: there is no %s", command, flag, word)
				}
			}
		}
	}
}

package grammar

import (
	"strings"
	"testing"
)

// sample is a program with everything that needs care.
var sample = Program{
	Name: "prog", Summary: "Does things: all of them.", Detail: "First.\n\n    a  table\n    .so x\n\nLast.",
	Flags:    []Flag{{Name: "help", Short: "h", Help: "Show help."}},
	Statuses: []Status{{Code: "0", Meaning: "Good."}, {Code: "1", Meaning: "Bad.", Command: "run"}},
	SeeAlso:  []string{"ls(1)"},
	Commands: []Command{
		{Name: "run", Summary: "Run it.", Args: []Arg{{Name: "file", Help: "A file.", Repeated: true, Value: Value{Kind: File}}},
			Groups: []Group{{Title: "Output", Flags: []Flag{
				{Name: "kind", Short: "k", Placeholder: "A|B", Help: "It's [this] or: that \\. .dot. Default: a.", Value: Value{Kind: Choice, Choices: []string{"a", "b"}}},
				{Name: "link", Placeholder: "NAME", Help: "Link.", Required: true, Value: Value{Kind: Interface}},
				{Name: "peer", Placeholder: "HOST", Help: "Peer.", Value: Value{Kind: Host}},
				{Name: "set", Placeholder: "X=Y", Help: "Set.", Value: Value{Kind: Choice, Choices: []string{"x=", "y="}}},
				{Name: "rate", Placeholder: "N", Help: "Rate."},
			}}},
			Examples: []Example{{Purpose: "Run", Line: "prog run --link eth0 f"}}, Guide: "run.md"},
		{Name: "in", Summary: "Run inside.", Args: []Arg{{Name: "command", Help: "It.", Optional: true, Value: Value{Kind: Executable}}}},
	},
}

func TestFiles(t *testing.T) {
	files := sample.Files()
	for name, want := range map[string][]string{
		"docs/man/prog.1": {"prog \\- does things: all of them\n", ".nf\na  table\n\\&.so x\n.fi", "\\fB1\\fR\nrun: Bad.", "\\fBprog\\-run\\fR(1),\n\\fBprog\\-in\\fR(1),\n\\fBls\\fR(1)\n"},
		"docs/man/prog-run.1": {
			"\\fI[OPTION...]\\fR \\fI\\-\\-link=NAME\\fR \\fIFILE...\\fR", ".SS \"Output\"\n.TP\n\\fB\\-k\\fR, \\fB\\-\\-kind\\fR=\\fIA|B\\fR\n",
			"It\\(aqs [this] or: that \\e.\n\\&.dot.\nDefault: a.\n",
		},
		"docs/commands/run.md":     {"| `-k`, `--kind A\\|B` | It's \\[this\\] or: that", "[docs/run.md](../run.md) explains more.", "| 1 | Bad. |", "prog run [OPTION...] --link=NAME FILE...\n"},
		"docs/commands/in.md":      {"prog in [OPTION...] [-- COMMAND...]\n"},
		"docs/commands/README.md":  {"| [prog run](run.md) | Run it. |"},
		"completions/prog.bash":    {"flags='-k --kind --link --peer --set --rate -h --help'", "-k | --kind) kind='choice a b' ;;", "argument=file", "argument=program", "--rate) kind=text ;;"},
		"completions/_prog":        {`'*'{-k+,--kind=}'[It'\''s \[this\] or\: that \\]:A|B:(a b)'`, "'*:file:_files'", ":_values -S= option x y'", "'1:program:_command_names -e'", ":HOST:_hosts'"},
		"completions/prog.fish":    {`-s k -l kind -x -a 'a b' -d 'It\'s [this] or: that \\'`, "-x -a '(__fish_print_interfaces)'", "-n '__fish_seen_subcommand_from run' -F\n"},
		"docs/man/prog-in.1":       {"\\fI[\\-\\- COMMAND...]\\fR"},
		"docs/commands/nothing.md": nil,
	} {
		if _, ok := files[name]; ok != (want != nil) {
			t.Errorf("%s: present %v", name, ok)
		}
		for _, w := range want {
			if !strings.Contains(files[name], w) {
				t.Errorf("%s lacks %q:\n%s", name, w, files[name])
			}
		}
	}
}

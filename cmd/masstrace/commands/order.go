package commands

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// ordered returns the arguments with the options of a command before its files. The parser takes
// all files of a command together, and users write options between them too. Arguments that it
// does not understand stay as they are: the parser reports them.
func ordered(model *kong.Application, args []string) []string {
	if len(args) == 0 {
		return args
	}
	i := slices.IndexFunc(model.Children, func(n *kong.Node) bool { return n.Name == args[0] })
	if i < 0 || !takesFiles(model.Children[i]) {
		return args
	}
	var options, files []string
	for rest := args[1:]; len(rest) > 0; {
		n := 1
		switch arg := rest[0]; {
		case arg == "--":
			return args // the rest is no option
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			files = append(files, arg)
			rest = rest[1:]
			continue
		default:
			var ok bool
			if n, ok = optionLen(model.Children[i], rest); !ok {
				return args
			}
		}
		options, rest = append(options, rest[:n]...), rest[n:]
	}
	return slices.Concat(args[:1], options, files)
}

// takesFiles reports whether the last argument of a command is repeated, and no command line of
// another program.
func takesFiles(n *kong.Node) bool {
	last := len(n.Positional) - 1
	return last >= 0 && n.Positional[last].IsSlice() && !n.Positional[last].Passthrough
}

// optionLen returns the number of arguments of the option that args begin with; ok is false if it
// is not known, or lacks its value.
func optionLen(n *kong.Node, args []string) (count int, ok bool) {
	name, _, valued := strings.Cut(args[0], "=")
	takes := func(f *kong.Flag) (int, bool) {
		switch {
		case valued || f.IsBool():
			return 1, true
		case len(args) > 1 && (args[1] == "-" || !strings.HasPrefix(args[1], "-")):
			return 2, true
		}
		return 0, false
	}
	for _, f := range n.Flags {
		if name == "--"+f.Name {
			return takes(f)
		}
	}
	if strings.HasPrefix(name, "--") {
		return 0, false
	}
	for letters := []rune(name)[1:]; len(letters) > 0; letters = letters[1:] { // -qo FILE
		i := slices.IndexFunc(n.Flags, func(f *kong.Flag) bool { return f.Short == letters[0] })
		switch {
		case i < 0:
			return 0, false
		case n.Flags[i].IsBool():
			continue
		case len(letters) > 1: // -oFILE
			return 1, true
		}
		return takes(n.Flags[i])
	}
	return 1, true
}

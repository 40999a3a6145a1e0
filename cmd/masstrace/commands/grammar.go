package commands

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/masstrace/masstrace/internal/grammar"
	"github.com/masstrace/masstrace/internal/netsim"
)

// exampled is a command with examples for its help and its pages.
type exampled interface{ Examples() []grammar.Example }

// detailed is a command whose pages have more details than its help.
type detailed interface{ pageDetail() string }

// chooser is a type of values with a list of all values.
type chooser interface{ choices() []string }

// Grammar returns the command line, for manual pages and completions.
func Grammar() (grammar.Program, error) {
	parser, err := newParser(io.Discard, io.Discard, func(int) {})
	if err != nil {
		return grammar.Program{}, err
	}
	p := grammar.Program{
		Name: "masstrace", Summary: parser.Model.Help, Detail: description, Examples: new(cli).Examples(), Statuses: statuses(),
		SeeAlso: []string{"traceroute(8)", "mtr(8)", "scamper(1)", "tcpdump(8)", "setcap(8)"},
	}
	for _, f := range parser.Model.Flags {
		p.Flags = append(p.Flags, flagOf(f))
	}
	for _, node := range parser.Model.Children {
		c := grammar.Command{Name: node.Name, Summary: node.Help, Detail: node.Detail, Examples: examplesOf(node)}
		if more, ok := node.Target.Addr().Interface().(detailed); ok {
			c.Detail += more.pageDetail()
		}
		for _, a := range node.Positional {
			c.Args = append(c.Args, grammar.Arg{
				Name: a.Name, Help: a.Help, Optional: !a.Required, Repeated: a.IsSlice(), Value: valueOf(a, ""),
			})
		}
		for _, f := range node.Flags {
			if f.Hidden {
				continue
			}
			title := ""
			if f.Group != nil {
				title = f.Group.Title
			}
			i := slices.IndexFunc(c.Groups, func(g grammar.Group) bool { return g.Title == title })
			if i < 0 {
				i, c.Groups = len(c.Groups), append(c.Groups, grammar.Group{Title: title})
			}
			c.Groups[i].Flags = append(c.Groups[i].Flags, flagOf(f))
		}
		p.Commands = append(p.Commands, c)
	}
	return p, nil
}

// flagOf translates a flag.
func flagOf(f *kong.Flag) grammar.Flag {
	flag := grammar.Flag{Name: f.Name, Help: f.Help, Required: f.Required}
	if f.Short != 0 {
		flag.Short = string(f.Short)
	}
	if !f.IsBool() {
		flag.Placeholder, flag.Value = f.PlaceHolder, valueOf(f.Value, f.PlaceHolder)
	}
	return flag
}

// completionKinds are the kinds that the tag complete names.
var completionKinds = map[string]grammar.Kind{
	"file": grammar.File, "host": grammar.Host, "interface": grammar.Interface, "program": grammar.Executable,
}

// valueOf returns the values that shells offer for a flag or an argument.
func valueOf(v *kong.Value, placeholder string) grammar.Value {
	chosen := func(list []string) grammar.Value { return grammar.Value{Kind: grammar.Choice, Choices: list} }
	switch name := v.Tag.Get("complete"); {
	case name == "preset":
		return chosen(append(netsim.PresetNames(), helpValue))
	case name == "option":
		cfg := netsim.Default()
		var list []string
		for _, o := range cfg.Options() {
			list = append(list, o.Name+"=")
		}
		return chosen(list)
	case name != "":
		return grammar.Value{Kind: completionKinds[name]}
	case v.Enum != "":
		return chosen(v.EnumSlice())
	case placeholder == "FILE":
		return grammar.Value{Kind: grammar.File}
	}
	if c, ok := v.Target.Interface().(chooser); ok {
		return chosen(c.choices())
	}
	return grammar.Value{}
}

// choices returns the names of the methods.
func (method) choices() []string { return []string{"udp", "icmp", "tcp-syn", "tcp-ack"} }

// examplesOf returns the examples of a command.
func examplesOf(node *kong.Node) []grammar.Example {
	if node.Target.Kind() != reflect.Struct {
		return nil
	}
	if e, ok := node.Target.Addr().Interface().(exampled); ok {
		return e.Examples()
	}
	return nil
}

// printHelp prints the help of a command, and its examples.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	examples := new(cli).Examples()
	if node := ctx.Selected(); node != nil {
		examples = examplesOf(node)
	}
	var b strings.Builder
	b.WriteString("\nExamples:\n")
	for _, e := range examples {
		fmt.Fprintf(&b, "  %s:\n    %s\n", e.Purpose, strings.ReplaceAll(e.Line, "\n", "\n    "))
	}
	_, err := io.WriteString(ctx.Stdout, b.String())
	return err
}

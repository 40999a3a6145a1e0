// Package grammar describes the command line of a program to people and to shells. It writes manual
// pages, pages in Markdown, and completions for bash, zsh and fish. It contains nothing about flags
// of masstrace: a caller describes its program as a [Program].
package grammar

import "strings"

// Program is the command line of a program.
type Program struct {
	Name    string
	Summary string // one sentence
	Detail  string // see Command
	Flags   []Flag // of every command

	Commands []Command
	Examples []Example
	Statuses []Status
	SeeAlso  []string // other manual pages, as name(section)
}

// Command is one command of a program.
type Command struct {
	Name    string
	Summary string // one sentence
	// Detail is paragraphs with an empty line between them. A paragraph that begins with four
	// spaces is printed as it stands.
	Detail   string
	Args     []Arg
	Groups   []Group
	Examples []Example
	Guide    string // a page in docs with more; empty if there is none
}

// Group is flags under a common title.
type Group struct {
	Title string
	Flags []Flag
}

// Flag is an option of a command.
type Flag struct {
	Name        string // without dashes
	Short       string // one letter; empty if there is none
	Placeholder string // of the value; empty if the flag has none
	Help        string
	Required    bool
	Value       Value
}

// Arg is an argument without a flag.
type Arg struct {
	Name               string
	Help               string
	Optional, Repeated bool
	Value              Value
}

// Value is the values that shells offer for a flag or an argument.
type Value struct {
	Kind    Kind
	Choices []string // of kind Choice; a choice that ends in = needs more text
}

// Kind is a kind of values.
type Kind uint8

// The kinds.
const (
	Text       Kind = iota // nothing is offered
	File                   // a path
	Choice                 // one of Value.Choices
	Host                   // a name of a host
	Interface              // a network interface
	Executable             // a program with its arguments
)

// Example is a command line that works, and its purpose.
type Example struct{ Purpose, Line string }

// Status is an exit status and its meaning.
type Status struct {
	Code    string
	Meaning string
	Command string // the only command that has it; empty: all commands
}

// statusesOf returns the exit statuses of a command.
func (p *Program) statusesOf(command string) (list []Status) {
	for _, s := range p.Statuses {
		switch {
		case s.Command == "" || s.Command == command:
			list = append(list, s)
		case command == "": // the page of the program
			s.Meaning = s.Command + ": " + s.Meaning
			list = append(list, s)
		}
	}
	return list
}

// usage returns the arguments of a command as in a synopsis.
func (c *Command) usage() (args []string) {
	for _, g := range c.Groups {
		for _, f := range g.Flags {
			if f.Required {
				args = append(args, "--"+f.Name+"="+f.Placeholder)
			}
		}
	}
	for _, a := range c.Args {
		name := strings.ToUpper(a.Name)
		switch {
		case a.Value.Kind == Executable:
			name = "-- " + name + "..."
		case a.Repeated:
			name += "..."
		}
		if a.Optional {
			name = "[" + name + "]"
		}
		args = append(args, name)
	}
	return args
}

// flags returns the flags of all groups, and those of every command.
func (p *Program) flags(c *Command) (all []Flag) {
	for _, g := range c.Groups {
		all = append(all, g.Flags...)
	}
	return append(all, p.Flags...)
}

// words returns the flag as users type it.
func (f *Flag) words() (words []string) {
	if f.Short != "" {
		words = append(words, "-"+f.Short)
	}
	return append(words, "--"+f.Name)
}

// brief returns the first sentence of a help text, without its full stop.
func brief(help string) string {
	first, _, _ := strings.Cut(help, ". ")
	return strings.TrimSuffix(first, ".")
}

// paragraphs splits a detail text.
func paragraphs(text string) []string {
	var list []string
	for p := range strings.SplitSeq(text, "\n\n") {
		if strings.TrimSpace(p) != "" {
			list = append(list, strings.Trim(p, "\n"))
		}
	}
	return list
}

// verbatim reports whether a paragraph is printed as it stands, and returns its text.
func verbatim(paragraph string) (text string, ok bool) {
	const indent = "    "
	if !strings.HasPrefix(paragraph, indent) {
		return "", false
	}
	return strings.ReplaceAll(paragraph[len(indent):], "\n"+indent, "\n"), true
}

// Files returns the text of every generated file, by its path in the repository.
func (p *Program) Files() map[string]string {
	files := map[string]string{
		"completions/" + p.Name + ".bash": p.bash(),
		"completions/_" + p.Name:          p.zsh(),
		"completions/" + p.Name + ".fish": p.fish(),
		"docs/man/" + p.Name + ".1":       p.man(),
		"docs/commands/README.md":         p.index(),
	}
	for i := range p.Commands {
		c := &p.Commands[i]
		files["docs/man/"+p.Name+"-"+c.Name+".1"] = p.manOf(c)
		files["docs/commands/"+c.Name+".md"] = p.markdown(c)
	}
	return files
}

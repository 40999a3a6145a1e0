package commands

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/tabular"
)

// helpWidth is the width of the lists of presets and options, in characters.
const helpWidth = 80

// helpValue is the value of --preset and --set that asks for a list.
const helpValue = "help"

// Help returns the text below the summary of lab: the addresses that answer, and the presets.
func (c *LabCmd) Help() string {
	var b strings.Builder
	b.WriteString("These addresses answer:\n\n")
	setups := labSetups()
	for i, s := range setups {
		fmt.Fprintf(&b, "--network %s", s.Name)
		if i+1 < len(setups) && setups[i+1].Answers == s.Answers {
			b.WriteString(", ")
			continue
		}
		fmt.Fprintf(&b, ": %s.\n\n", s.Answers)
	}
	b.WriteString("A resolver in the lab has the names of routers and targets, as many as real networks have. " +
		"The command asks it like any other DNS server.\n\n")
	b.WriteString(pointsHelp)
	b.WriteString("The presets of the simulated Internet:\n\n")
	for _, line := range presetLines() {
		b.WriteString("    " + line + "\n")
	}
	return b.String()
}

// pointsHelp describes several vantage points.
const pointsHelp = `With --vantage-points, the command runs at a hub, and these commands control the vantage points. NAME is vp1 to vpN; cut, delay and restore also take all.

    masstrace lab exec NAME -- COMMAND...  run a command at a vantage point
    masstrace lab cut NAME                 lose all packets between it and the hub
    masstrace lab delay NAME TIME          delay them, in each direction
    masstrace lab restore NAME             end a cut and a delay

They work inside the lab. The last three also work outside, with --state.

`

// pageDetail lists the options of --set.
func (c *LabCmd) pageDetail() string {
	var list strings.Builder
	cfg := netsim.Default()
	_ = writeOptions(&list, &cfg) // no error: it writes to memory
	indented := strings.ReplaceAll(strings.Trim(list.String(), "\n"), "\n", "\n    ")
	return "\n\nThe options of --set, with the values of the preset default. The unit share is a probability from 0 to 1.\n\n    " + indented
}

// presetLines returns the lines of a list of the presets.
func presetLines() (lines []string) {
	const left, indent = 17 + 2, 4
	for _, p := range netsim.Presets() {
		name := p.Name
		for _, line := range tabular.Wrap(p.Meaning, helpWidth-left-indent) {
			lines = append(lines, fmt.Sprintf("%-*s%s", left, name, line))
			name = ""
		}
	}
	return lines
}

// list writes the list that the flags ask for; asked is false if they ask for none.
func (c *LabCmd) list(w io.Writer) (asked bool, err error) {
	options := slices.Contains(c.Set, helpValue)
	if c.Preset == helpValue {
		_, err := fmt.Fprintf(w, "Presets of the simulated Internet (--preset NAME):\n\n  %s\n", strings.Join(presetLines(), "\n  "))
		if !options || err != nil {
			return true, err
		}
		fmt.Fprintln(w)
	}
	if !options {
		return false, nil
	}
	preset := c.Preset
	if preset == helpValue {
		preset = "default"
	}
	cfg, err := netsim.Preset(preset)
	if err != nil {
		return true, &plan.ConfigError{Err: err}
	}
	fmt.Fprintf(w, "Options of the simulated Internet (--set NAME=VALUE), with the values of\npreset %s. The unit share is a probability from 0 to 1.\n", preset)
	return true, writeOptions(w, &cfg)
}

// writeOptions writes a row for each option: name, value, unit and meaning.
func writeOptions(w io.Writer, cfg *netsim.Config) error {
	const left = 2 + 16 + 7 + 2 + 8 + 2
	var b strings.Builder
	for _, o := range cfg.Options() {
		if o.Heading != "" {
			fmt.Fprintf(&b, "\n%s\n", o.Heading)
		}
		for i, line := range tabular.Wrap(o.Meaning, helpWidth-left) {
			if i == 0 {
				fmt.Fprintf(&b, "  %-16s%7s  %-8s  %s\n", o.Name, o.Value, o.Unit, line)
			} else {
				fmt.Fprintf(&b, "%*s%s\n", left, "", line)
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// explainOption adds the flags that list presets and options to an error about one of them.
func explainOption(err error) error {
	if _, ok := errors.AsType[*netsim.UnknownOptionError](err); ok {
		err = fmt.Errorf("%w; --set help lists all options", err)
	}
	return &plan.ConfigError{Err: err}
}

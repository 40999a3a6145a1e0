package commands

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// misuse returns the text of an error of the parser of the command line, in words of its user.
func misuse(err error) string {
	text := err.Error()
	var node *kong.Node // that of the command, or of the program if no command was given
	if parse, ok := errors.AsType[*kong.ParseError](err); ok {
		node = parse.Context.Selected()
		if node == nil {
			node = parse.Context.Model.Node
		}
	}
	if node == nil {
		return text
	}
	words := strings.Fields(text)
	switch {
	case strings.HasPrefix(text, "unknown flag "):
		return unknownFlag(node, strings.TrimSuffix(words[2], ","))
	case strings.HasPrefix(text, "unexpected argument ") && node.Type == kong.ApplicationNode:
		return unknownCommand(node, strings.TrimSuffix(words[2], ","))
	case strings.HasPrefix(text, "unexpected argument "):
		return fmt.Sprintf("%s takes no argument %s", node.Name, strings.TrimPrefix(text, "unexpected argument "))
	case strings.HasPrefix(text, "[<action>] must be one of "):
		return unknownAction(node, text)
	case strings.HasPrefix(text, "unexpected flag argument "):
		return fmt.Sprintf("%s: a value without a flag: %s", node.Name, words[len(words)-1])
	case strings.HasPrefix(text, "missing flags: "):
		return fmt.Sprintf("%s needs %s", node.Name, strings.TrimPrefix(text, "missing flags: "))
	case strings.HasPrefix(text, "expected ") && node.Type == kong.ApplicationNode:
		return "no command is given; see masstrace --help"
	case strings.HasPrefix(text, "expected ") || strings.HasPrefix(text, "missing positional "):
		return fmt.Sprintf("%s needs an argument: %s", node.Name, arguments(node))
	}
	return text
}

// arguments returns the arguments of a command, as its usage has them.
func arguments(node *kong.Node) string {
	var list []string
	for _, p := range node.Positional {
		list = append(list, p.Summary())
	}
	return strings.Join(list, " ")
}

// unknownFlag returns the error about a flag that a command does not have. A long flag comes with
// the nearest one, if there is one; every letter is near to every other.
func unknownFlag(node *kong.Node, flag string) string {
	var names []string
	for _, group := range node.AllFlags(true) {
		for _, f := range group {
			for _, name := range append(f.Aliases, f.Name) {
				names = append(names, "--"+name)
			}
		}
	}
	owner := "masstrace"
	if node.Type == kong.CommandNode {
		owner = node.Name
	}
	text := fmt.Sprintf("%s has no option %s", owner, flag)
	if near := nearest(flag, names); strings.HasPrefix(flag, "--") && near != "" {
		return fmt.Sprintf("%s; the nearest is %s", text, near)
	}
	if ours := foreignFlags[node.Name][flag]; ours != "" {
		return fmt.Sprintf("%s; use %s", text, ours)
	}
	return fmt.Sprintf("%s; see %s --help", text, strings.TrimSpace("masstrace "+strings.TrimPrefix(owner, "masstrace")))
}

// foreignFlags has our words for flags that scan does not have, and zmap, masscan, scamper or yarrp do.
var foreignFlags = map[string]map[string]string{"scan": {
	"-p": "--dport PORT for the destination port, or --rate PPS for the pace", "-r": "--rate PPS", "-B": "--bandwidth BITS",
	"-b": "--exclude FILE", "-w": "a list of targets as an argument", "-f": "a list of targets as an argument", "-n": "--max-targets N",
	"-t": "--max-runtime TIME, or --method for the kind of probe", "-T": "--senders N", "-S": "--source ADDR", "-G": "--gateway-mac MAC",
	"-m": "--max-ttl TTL", "-M": "--method METHOD", "-O": "an ending of the name of --output, see masstrace convert", "-e": "--seed TEXT",
	"--blocklist-file": "--exclude FILE", "--blacklist-file": "--exclude FILE", "--excludefile": "--exclude FILE", "--max-rate": "--rate PPS",
	"--target-port": "--dport PORT", "--router-mac": "--gateway-mac MAC", "--adapter-ip": "--source ADDR", "--source-ip": "--source ADDR",
}}

// unknownCommand returns the error about a command that there is not.
func unknownCommand(node *kong.Node, command string) string {
	var names []string
	for _, child := range node.Children {
		if !child.Hidden {
			names = append(names, child.Name)
		}
	}
	switch command {
	case "help":
		return "help takes one command at most, for example masstrace help scan"
	case "version":
		return "version takes no argument"
	}
	text := fmt.Sprintf("there is no command %s", command)
	if strings.ContainsAny(command, ".:") { // a host or a file, and no command
		return fmt.Sprintf("%s; to trace a host: masstrace trace %s", text, command)
	}
	if near := nearest(command, names); near != "" {
		return fmt.Sprintf("%s; the nearest is %s", text, near)
	}
	return fmt.Sprintf("%s; the commands are %s", text, strings.Join(names, ", "))
}

// unknownAction returns the error about an action that a command does not have. text is that of the
// parser, which ends with the action in quotes.
func unknownAction(node *kong.Node, text string) string {
	action := text[strings.LastIndex(text, " but got ")+len(" but got "):]
	if plain, err := strconv.Unquote(action); err == nil {
		action = plain
	}
	names := node.Positional[0].EnumSlice()
	text = fmt.Sprintf("%s has no action %s", node.Name, action)
	if near := nearest(action, names); near != "" {
		return fmt.Sprintf("%s; the nearest is %s", text, near)
	}
	return fmt.Sprintf("%s; the actions are %s", text, strings.Join(names, ", "))
}

// nearest returns the name with the fewest typos: letters that are missing, added, changed or
// swapped. It returns "" if there are more than one in three letters. A longer name that begins
// or ends with the text comes after one with a single typo.
func nearest(text string, names []string) (best string) {
	letters := len(strings.TrimLeft(text, "-"))
	least := float64(1 + letters/3)
	for _, name := range names {
		n := float64(typos(text, name))
		if letters > 2 && (strings.HasPrefix(name, text) || strings.HasSuffix(name, "-"+strings.TrimLeft(text, "-"))) {
			n = min(n, 1.5)
		}
		if n < least {
			best, least = name, n
		}
	}
	return best
}

// typos returns the distance of Damerau and Levenshtein (optimal string alignment) of two texts.
func typos(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			changed := 1
			if a[i-1] == b[j-1] {
				changed = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+changed)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/tabular"
)

// plan returns a table with the values of --dry-run for one address in each /24, at two rates. It
// adds the cost of making the plan, which a scan also has before its first probe.
func plan(lab *bench.Lab, masstrace string) (string, error) {
	table := tabular.Table{Columns: "lr", Head: []string{"rate", "TTLs"}}
	text := filepath.Join(lab.Dir, "plan")
	for i, rate := range []string{"100K", "1M"} {
		fmt.Fprintf(os.Stderr, "measuring: the plan at %s\n", rate)
		u, _, err := lab.Measured("", "/bin/sh", "-c", `exec "$0" "$@" > `+text, masstrace, "scan", "--dry-run", "--per-prefix", "1",
			"--rate", rate, "0.0.0.0/0")
		if err != nil {
			return "", err
		}
		said, err := os.ReadFile(text)
		if err != nil {
			return "", err
		}
		names, values := facts(string(said), "targets", "probes", "duration", "windows", "memory")
		if len(names) == 0 {
			return "", fmt.Errorf("no plan in %q", said)
		}
		if i == 0 {
			table.Head = append(append([]string{"rate"}, names...), "planned in s", "MiB")
		}
		table.Add(append(append([]string{rate}, values...), tabular.Number(u.Elapsed), tabular.Number(float64(u.Octets)/(1<<20)))...)
	}
	return "The plan (`--dry-run`) of one host in each /24 of IPv4, without special-purpose addresses. The memory is the most that the\n" +
		"windows may use. The last two columns are the cost of planning itself.\n\n" + table.Markdown(), nil
}

// facts returns the names and values of those lines of a plan that have one of the given names.
func facts(plan string, names ...string) (found, values []string) {
	for line := range strings.Lines(plan) {
		words := strings.Fields(line)
		for _, name := range names {
			if len(words) > 1 && words[0] == name {
				value := words[1]
				if len(words) > 2 && strings.HasSuffix(words[2], "iB") {
					value += " " + words[2]
				}
				found, values = append(found, name), append(values, value)
			}
		}
	}
	return found, values
}

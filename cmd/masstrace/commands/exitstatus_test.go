package commands

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// The table of README.md has all exit statuses, and no other.
func TestExitStatusTable(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "### Exit status\n")
	table, _, _ = strings.Cut(table, "\n`masstrace lab`")
	var documented []string
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || !strings.ContainsAny(cells[1], "0123456789") {
			continue
		}
		for status := range strings.SplitSeq(cells[1], ",") {
			documented = append(documented, strings.TrimSpace(status))
		}
	}
	var all []string
	for _, status := range []int{
		statusDone, statusNo, statusUsage, statusEnvironment, statusPartial, statusInterrupted, statusTerminated, statusPipe,
	} {
		all = append(all, fmt.Sprint(status))
	}
	if !slices.Equal(documented, all) {
		t.Errorf("README.md has the statuses %v, the program %v", documented, all)
	}
}

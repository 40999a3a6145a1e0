package main

import (
	"strings"
	"testing"
	"time"
)

func TestTrialSection(t *testing.T) {
	skipped := &trial{skipped: "debootstrap is not installed"}
	if got := skipped.section("- machine\n"); !strings.Contains(got, "\nSkipped: debootstrap is not installed.\n") {
		t.Errorf("skipped: %s", got)
	}
	done := &trial{steps: []step{{"debootstrap", 30 * time.Second}, {"git clone", time.Second}, {"`./start demo`", 99 * time.Second}}}
	got := done.section("- machine\n")
	for _, want := range []string{"\n## " + trialTitle + "\n", "- machine\n", "| debootstrap | 30 |\n", "end of the demo: 100 s.\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing: %s", want, got)
		}
	}
}

func TestReplaceSection(t *testing.T) {
	const fresh = "\n## B\n\nnew\n"
	for text, want := range map[string]string{
		"# S\n\n## A\n\na\n":                         "# S\n\n## A\n\na\n" + fresh,
		"# S\n\n## A\n\na\n\n## B\n\nold\n":          "# S\n\n## A\n\na\n" + fresh,
		"# S\n\n## B\n\nold\n\n## C\n\nc\n":          "# S\n" + fresh + "\n## C\n\nc\n",
		"# S\n\n## B\n\nold\n\n## C\n\nc\n\n## D\nd": "# S\n" + fresh + "\n## C\n\nc\n\n## D\nd",
	} {
		if got := string(replaceSection([]byte(text), "B", fresh)); got != want {
			t.Errorf("replaceSection(%q) = %q, want %q", text, got, want)
		}
	}
}

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// list returns findings as LINE:RULE, in the order of lines.
func list(t *testing.T, f file) []string {
	t.Helper()
	findings, _, err := f.check()
	if err != nil {
		t.Fatal(err)
	}
	var r report
	r.add(f.name, findings, 0)
	var out strings.Builder
	if err := r.writeFindings(&out); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range r.findings {
		all = append(all, fmt.Sprintf("%d:%s", f.line, f.rule))
	}
	return all
}

const goSource = `// Package p shows what a finding is.
//
// It quotes "what is printed", and ` + "`whoever`" + `. The next lines are code:
//
//	what is here is not read
//
// A list follows:
//   - what stands in it,
//     and goes on, is read
//   - the second item is fine.
package p

//go:generate what whoever

// Cmd holds flags.
type Cmd struct {
	Rate int ` + "`help:\"What is sent in a second.\"`" + `
	Name string ` + "`help:\"Name of the list. Default: none.\"`" + `
	Plain string ` + "`json:\"what\"`" + `
}

// tell says hello. It says more.
func tell() {
	x := "what is in a string is not read" // but what is here is
	_ = x /* and nobody may hide
	here */
}

type speaker interface {
	// Speak tells the number.
	Speak()
	quiet() // what it returns
}

// This line is much wider than a line may be, because it goes on and on and on, up to and past column 100.
var a = 1
`

func TestSource(t *testing.T) {
	want := []string{
		"1:clause", "8:clause", "17:clause", "22:verb",
		"24:clause", "25:person", "30:verb", "32:clause", "35:wide",
	}
	if got := list(t, file{"p.go", goSource}); !slices.Equal(got, want) {
		t.Errorf("findings %v, want %v", got, want)
	}
}

func TestSourceRefused(t *testing.T) {
	f := file{"p.go", "package"}
	if _, _, err := f.check(); err == nil {
		t.Error("a file that is no Go program is read")
	}
}

const markdown = `# What it does

Probes leave at once. What comes
back is matched.

` + "```" + `
$ what is code stays code
` + "```" + `

- Targets are files;
  whoever lists them, owns them.
- The second item is fine.

| option | what it does |
|---|---|
| ` + "`--rate`" + ` | who asks first; [what](x.md) |

A question: what is a window?

<!-- what is hidden -->
**What** is bold is read.
`

func TestPage(t *testing.T) {
	want := []string{"3:clause", "10:clause", "16:clause", "21:clause"}
	if got := list(t, file{"p.md", markdown}); !slices.Equal(got, want) {
		t.Errorf("findings %v, want %v", got, want)
	}
}

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// file is a file with prose in it.
type file struct {
	name string
	text string
}

// finding is a rule broken at a line.
type finding struct {
	file string
	line int
	rule rule
	text string
}

// check returns the findings in f, and how many sentences f has.
func (f *file) check() (findings []finding, sentences int, err error) {
	var blocks []block
	if strings.HasSuffix(f.name, ".md") {
		blocks = page(f.text)
	} else if blocks, findings, err = f.source(); err != nil {
		return nil, 0, err
	}
	for _, b := range blocks {
		for _, s := range b.sentences() {
			sentences++
			for _, r := range s.broken() {
				findings = append(findings, finding{f.name, s.line, r, s.text})
			}
		}
	}
	return findings, sentences, nil
}

// source returns the comments and help texts of a Go file, and its wide lines.
func (f *file) source() ([]block, []finding, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, f.name, f.text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, err
	}
	subjects := documented(tree)
	var blocks []block
	var wide []finding
	lines := strings.Split(f.text, "\n")
	for _, group := range tree.Comments {
		first, last := fset.Position(group.Pos()).Line, fset.Position(group.End()).Line
		blocks = append(blocks, paragraphs(commentLines(group), first, subjects[group])...)
		for n := first; n <= last; n++ {
			text := lines[n-1]
			if columns(text) > maxColumns && !directive.MatchString(text) && columns(codeOf(text)) <= maxCode {
				wide = append(wide, finding{f.name, n, ruleWide, strings.TrimSpace(text)})
			}
		}
	}
	return append(blocks, helpTexts(fset, tree)...), wide, nil
}

// documented returns the names of the functions that comments document.
func documented(tree *ast.File) map[*ast.CommentGroup]string {
	names := map[*ast.CommentGroup]string{}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Doc != nil {
				names[n.Doc] = n.Name.Name
			}
		case *ast.InterfaceType:
			for _, m := range n.Methods.List {
				if m.Doc != nil && len(m.Names) == 1 {
					names[m.Doc] = m.Names[0].Name
				}
			}
		}
		return true
	})
	return names
}

// directive is a comment for a tool.
var directive = regexp.MustCompile(`^\s*//(go:|lint:|line |nolint)`)

// commentLines returns the lines of a comment without its marks. Directives are empty lines.
func commentLines(group *ast.CommentGroup) []string {
	var lines []string
	for _, c := range group.List {
		if directive.MatchString(c.Text) {
			lines = append(lines, "")
			continue
		}
		if text, ok := strings.CutPrefix(c.Text, "//"); ok {
			lines = append(lines, strings.TrimPrefix(text, " "))
			continue
		}
		text := strings.TrimSuffix(strings.TrimPrefix(c.Text, "/*"), "*/")
		lines = append(lines, strings.Split(text, "\n")...)
	}
	return lines
}

// item begins an item of a list.
var item = regexp.MustCompile(`^\s*([-*+•]|\d+[.)])\s+`)

// paragraphs parts the lines of a comment. Indented lines are code or drawings, unless they
// are those of a list.
func paragraphs(lines []string, first int, subject string) []block {
	var all []block
	open, inItem := false, false
	for i, line := range lines {
		isItem := item.MatchString(line)
		indented := strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "   ")
		switch {
		case strings.TrimSpace(line) == "":
			open, inItem = false, false
			continue
		case isItem:
			open, inItem = false, true
			line = item.ReplaceAllString(line, "")
		case indented && !inItem:
			open = false
			continue
		}
		heading := strings.HasPrefix(line, "# ")
		if !open || heading {
			all = append(all, block{first: first + i, subject: subject, heading: heading})
		}
		open = !heading
		b := &all[len(all)-1]
		b.lines = append(b.lines, line)
		subject = ""
	}
	return all
}

// codeOf returns the code before a comment at the end of a line.
func codeOf(line string) string {
	code, _, _ := strings.Cut(line, "//")
	return strings.TrimRight(code, " \t")
}

// columns returns the width of a line.
func columns(line string) int {
	return utf8.RuneCountInString(line) + (tabColumns-1)*strings.Count(line, "\t")
}

// helpTexts returns the help texts in the tags of fields.
func helpTexts(fset *token.FileSet, tree *ast.File) []block {
	var all []block
	ast.Inspect(tree, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if !ok || field.Tag == nil {
			return true
		}
		tag, err := strconv.Unquote(field.Tag.Value)
		if err != nil { // the compiler reports it
			return true
		}
		if help := reflect.StructTag(tag).Get("help"); help != "" {
			all = append(all, block{lines: []string{help}, first: fset.Position(field.Tag.Pos()).Line})
		}
		return true
	})
	return all
}

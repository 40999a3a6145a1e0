package main

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// word is a word of a sentence.
type word struct {
	text   string // in lower case, without punctuation around it
	begins bool   // it begins a sentence, or follows punctuation that ends a clause
	counts bool   // it has a letter or a digit
}

// wordsOf returns the words of a sentence.
func wordsOf(text string) []word {
	var words []word
	begins := true
	for _, field := range strings.Fields(text) {
		bare := strings.TrimFunc(field, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if strings.HasPrefix(field, "(") {
			begins = true
		}
		if bare != "" {
			words = append(words, word{text: strings.ToLower(bare), begins: begins, counts: true})
			begins = false
		}
		if strings.ContainsAny(field[len(field)-1:], ";:") || bare == "" && field != "-" {
			begins = true
		}
	}
	return words
}

// block is a paragraph, a list item, a heading or a cell of a table: sentences end with it.
type block struct {
	lines   []string
	first   int // the number of the first line, from 1
	subject string
	heading bool
}

// placeholder stands for a quotation or a piece of code: one word that no rule knows.
const placeholder = "Q"

var (
	code   = regexp.MustCompile("``[^`]+``|`[^`]*`")
	quoted = regexp.MustCompile(`"[^"]*"|“[^”]*”`)
	link   = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
	marks  = regexp.MustCompile(`\*\*|__`)
)

// plain replaces code, quotations and links of a text, and keeps its line ends.
func plain(text string) string {
	keep := func(s string) string { return placeholder + strings.Repeat("\n", strings.Count(s, "\n")) }
	text = code.ReplaceAllStringFunc(text, keep)
	text = quoted.ReplaceAllStringFunc(text, keep)
	text = link.ReplaceAllString(text, "$1")
	return marks.ReplaceAllString(text, "")
}

// abbreviations end in a full stop that ends no sentence.
var abbreviations = []string{"e.g.", "i.e.", "etc.", "vs.", "cf.", "no.", "approx."}

// sentences splits a block.
func (b *block) sentences() []sentence {
	text := plain(strings.Join(b.lines, "\n"))
	var all []sentence
	line, first, start := b.first, b.first, 0
	flush := func(end int) {
		if s := strings.Join(strings.Fields(text[start:end]), " "); s != "" {
			all = append(all, sentence{line: first, text: s, subject: b.subject, heading: b.heading})
		}
		start = end
	}
	blank := true // nothing of the sentence has come
	for i, r := range text {
		if blank && !unicode.IsSpace(r) {
			first, blank = line, false
		}
		if r == '\n' {
			line++
		}
		if unicode.IsSpace(r) && endsSentence(text[start:i]) {
			flush(i)
			blank = true
		}
	}
	flush(len(text))
	return all
}

// endsSentence reports whether text, before a space, ends a sentence.
func endsSentence(text string) bool {
	text = strings.TrimRight(text, `)"”'*_`)
	if text == "" || !strings.ContainsAny(text[len(text)-1:], ".!?") {
		return false
	}
	fields := strings.Fields(text)
	last := strings.ToLower(strings.TrimLeft(fields[len(fields)-1], "(\""))
	return !slices.Contains(abbreviations, last)
}

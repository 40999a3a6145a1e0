package main

import (
	"slices"
	"testing"
)

func TestSentences(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  []sentence
	}{
		{"one", []string{"A probe leaves."}, []sentence{{line: 5, text: "A probe leaves."}}},
		{"two on three lines", []string{"A probe", "leaves. It is", "answered"}, []sentence{
			{line: 5, text: "A probe leaves."}, {line: 6, text: "It is answered"},
		}},
		{"an abbreviation", []string{"Some fields, e.g. ports, vary. Others do not."}, []sentence{
			{line: 5, text: "Some fields, e.g. ports, vary."}, {line: 5, text: "Others do not."},
		}},
		{"a number", []string{"It takes 1.5 s."}, []sentence{{line: 5, text: "It takes 1.5 s."}}},
		{"a closing parenthesis", []string{"(It ends.) It begins."}, []sentence{
			{line: 5, text: "(It ends.)"}, {line: 5, text: "It begins."},
		}},
		{"code and quotations", []string{"The error `x. y` is \"a. b", "c\". It ends."}, []sentence{
			{line: 5, text: "The error Q is Q ."}, {line: 6, text: "It ends."},
		}},
		{"a link", []string{"See [the page](a.md). It ends."}, []sentence{
			{line: 5, text: "See the page."}, {line: 5, text: "It ends."},
		}},
		{"nothing", []string{"  "}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := block{lines: tt.lines, first: 5}
			if got := b.sentences(); !slices.Equal(got, tt.want) {
				t.Errorf("sentences() = %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestWordsOf(t *testing.T) {
	words := wordsOf("First, (second) - third: fourth — fifth")
	var begin []string
	for _, w := range words {
		if w.begins {
			begin = append(begin, w.text)
		}
	}
	if want := []string{"first", "second", "fourth", "fifth"}; !slices.Equal(begin, want) || len(words) != 5 {
		t.Errorf("words that begin a clause: %v of %d words, want %v of 5", begin, len(words), want)
	}
}

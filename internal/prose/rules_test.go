package main

import (
	"slices"
	"strings"
	"testing"
)

func TestBroken(t *testing.T) {
	tests := []struct {
		name, text, subject string
		want                []rule
	}{
		{name: "who as the subject", text: "Who does not see our probes cannot make a hop appear.", want: []rule{ruleClause}},
		{name: "who after a preposition", text: "It shows each reply at once, for who chooses the next line by it.", want: []rule{ruleClause}},
		{name: "who after a verb", text: "It spares who only compares routers the entry.", want: []rule{ruleClause}},
		{name: "who after a semicolon", text: "Nothing is known; who asks gets an error.", want: []rule{ruleClause}},
		{name: "who of a noun", text: "An attacker who cannot see our probes cannot add a false hop."},
		{name: "who of those", text: "It is for those who only compare."},
		{name: "two relative clauses", text: "An attacker who sees a probe and who can send forges its reply."},
		{name: "who of a noun with a comma", text: "The caller, who owns the slice, frees it."},
		{name: "which", text: "The probe which left last is answered first."},
		{name: "what as an object", text: "spin returns what makes the schedule of each sender.", want: []rule{ruleClause}},
		{name: "what as a subject", text: "What came of it is printed.", want: []rule{ruleClause}},
		{name: "whatever", text: "Whatever the list holds is left alone.", want: []rule{ruleClause}},
		{name: "whoever", text: "It is sent to whoever asks.", want: []rule{ruleClause}},
		{name: "no matter what", text: "It ends, no matter what the router answers."},
		{name: "a question", text: "What is printed?"},
		{name: "somewhat", text: "It is somewhat slower."},
		{name: "quoted what", text: "The error is Q and the word Q is shown."},

		{name: "nobody", text: "A lock that nobody waits for is free.", want: []rule{rulePerson}},
		{name: "somebody", text: "In the lab somebody can tell.", want: []rule{rulePerson}},
		{name: "the user nobody", text: "It works as nobody and as the user nobody."},
		{name: "body", text: "The body of a message is text."},

		{name: "25 words", text: strings.Repeat("word ", 24) + "end."},
		{name: "26 words", text: strings.Repeat("word ", 25) + "end.", want: []rule{ruleLong}},
		{name: "punctuation is no word", text: strings.Repeat("word – ", 24) + "end."},

		{name: "a function says", text: "rank says how good a source is.", subject: "rank", want: []rule{ruleVerb}},
		{name: "a function tells", text: "tell tells the user.", subject: "tell", want: []rule{ruleVerb}},
		{name: "a function has", text: "table has a line for each way.", subject: "table", want: []rule{ruleVerb}},
		{name: "a function reports", text: "isNew reports whether x is new.", subject: "isNew"},
		{name: "another noun has", text: "table writes a line; each has a number.", subject: "table"},
		{name: "a field has", text: "Each window has an account.", subject: ""},
		{name: "has X do Y", text: "SIGUSR1 has the scan say how many goroutines it holds.", want: []rule{ruleVerb}},
		{name: "has X do Y, short", text: "It has run send by them.", want: []rule{ruleVerb}},
		// Too far apart to see.
		{name: "have X do Y, apart", text: "A signal may have a scan that goes on read the files again."},
		{name: "to have been", text: "A reply waits until two seconds have been read, as usual."},
		{name: "has to", text: "Each sender has to read its queue."},
		{name: "has something to do", text: "A sender has frames to send."},
		{name: "has a noun", text: "Each has a read buffer."},

		{name: "is none", text: "An address that is none is left out.", want: []rule{ruleNone}},
		{name: "are none", text: "The resets of our own host are none.", want: []rule{ruleNone}},
		{name: "there is none", text: "It returns 0 if there is none."},
		{name: "there may be none", text: "There may be none left."},

		{name: "behind in time", text: "It is called behind each window whose records are flushed.", want: []rule{ruleBehind}},
		{name: "behind in a packet", text: "The payload stands behind the header.", want: []rule{ruleBehind}},
		{name: "behind a NAT", text: "Targets behind a NAT see another source."},
		{name: "routers behind it", text: "It rewrites packets that the routers behind it quote."},
		{name: "left behind", text: "A stage that is held up is left behind."},

		{name: "two at once", text: "What nobody asks for is free.", want: []rule{ruleClause, rulePerson}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := sentence{text: tt.text, subject: tt.subject}
			if got := s.broken(); !slices.Equal(got, tt.want) {
				t.Errorf("broken(%q) = %v, want %v", tt.text, got, tt.want)
			}
		})
	}
}

func TestHeadingsMayAsk(t *testing.T) {
	s := sentence{text: "What rides in a probe", heading: true}
	if got := s.broken(); got != nil {
		t.Errorf("a heading that asks breaks %v", got)
	}
}

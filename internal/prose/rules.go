package main

import (
	"regexp"
	"slices"
	"strings"
)

// rule is a rule of plain English.
type rule string

// The rules, in the order of the table.
const (
	ruleClause rule = "clause" // a clause that begins with "who", "what" or "whoever" is a noun
	rulePerson rule = "person" // "nobody", "somebody" and the like instead of an actor
	ruleLong   rule = "long"   // a sentence of more than 25 words
	ruleVerb   rule = "verb"   // a function "says", "tells", "knows", or "has X do Y"
	ruleNone   rule = "none"   // "is none" instead of "is not"
	ruleBehind rule = "behind" // "behind" instead of "after"
	ruleWide   rule = "wide"   // a line with a comment of more than 100 columns
)

var rules = []rule{ruleClause, rulePerson, ruleLong, ruleVerb, ruleNone, ruleBehind, ruleWide}

const (
	maxWords   = 25
	maxColumns = 100
	maxCode    = 90 // if the code before a comment is wider, the comment is not to blame
	tabColumns = 4
)

// sentence is a sentence of a block of text.
type sentence struct {
	line    int    // of its first word, from 1
	text    string // with quotations and code replaced by placeholders
	subject string // the name of the function that the block documents, or ""
	heading bool   // headings may ask
}

// broken returns the rules that s breaks.
func (s *sentence) broken() []rule {
	words := wordsOf(s.text)
	var found []rule
	for _, r := range []struct {
		rule rule
		hit  bool
	}{
		{ruleClause, hasNounClause(words) && !s.asks()},
		{rulePerson, hasPerson(words)},
		{ruleLong, countWords(words) > maxWords},
		{ruleVerb, s.speaks() || hasCausative(words)},
		{ruleNone, isNone.MatchString(s.text) && !thereIsNone.MatchString(s.text)},
		{ruleBehind, hasLateBehind(words)},
	} {
		if r.hit {
			found = append(found, r.rule)
		}
	}
	return found
}

// asks reports whether s is a question. Headings need no question mark.
func (s *sentence) asks() bool {
	return s.heading || strings.HasSuffix(strings.TrimSpace(s.text), "?")
}

// afterNoNoun are words after which "who" cannot be a relative pronoun: prepositions,
// conjunctions, and verbs that take a clause as their object.
var afterNoNoun = strings.Fields(`
	about as at before but by for from in like of on or over than that to under until upon with without
	if when while where because unless only not so and
	is are was were be
	ask asks asked decide decides know knows report reports say says see sees show shows spares
	tell tells find finds name names`)

// hasNounClause reports whether a clause that begins with "who", "what" or the like
// stands where a noun should.
func hasNounClause(words []word) bool {
	relative := false // a who before was a pronoun: a second one after "and" may be, too
	for i, w := range words {
		switch w.text {
		case "whoever", "whatever", "whomever":
			return true
		case "what":
			if i < 2 || words[i-1].text != "matter" {
				return true
			}
		case "who":
			before := ""
			if i > 0 {
				before = words[i-1].text
			}
			parallel := relative && (before == "and" || before == "or")
			if w.begins || slices.Contains(afterNoNoun, before) && !parallel {
				return true
			}
			relative = true
		}
	}
	return false
}

var persons = strings.Fields("nobody somebody someone everybody anybody")

// hasPerson reports whether a pronoun stands where the actor should be named. The user
// named "nobody" is a name.
func hasPerson(words []word) bool {
	for i, w := range words {
		named := w.text == "nobody" && i > 0 && (words[i-1].text == "user" || words[i-1].text == "as")
		if slices.Contains(persons, w.text) && !named {
			return true
		}
	}
	return false
}

func countWords(words []word) int {
	n := 0
	for _, w := range words {
		if w.counts {
			n++
		}
	}
	return n
}

var speaking = strings.Fields("says say tells tell knows know has")

// speaks reports whether the comment of a function begins with its name and a verb that is
// no action.
func (s *sentence) speaks() bool {
	if s.subject == "" {
		return false
	}
	rest, ok := strings.CutPrefix(s.text, s.subject+" ")
	if !ok {
		return false
	}
	verb, _, _ := strings.Cut(rest, " ")
	return slices.Contains(speaking, strings.Trim(verb, ",:;."))
}

// bareVerbs are verbs in a form that is seldom a noun.
var bareVerbs = strings.Fields(`
	ask be become begin choose close do forget give go hold keep learn leave lose make print put read
	receive replay say send sleep speak take tell think wait write`)

// beforeBareVerb are words between "has X" and a verb that is no part of the construction.
var beforeBareVerb = strings.Fields(`
	to can could may might must shall should will would cannot not and or but that which
	a an the no its their our`)

// hasCausative reports whether the words have the form "has X do Y". X is at most four
// words long.
func hasCausative(words []word) bool {
	for i, w := range words {
		if w.text != "has" && w.text != "have" && w.text != "had" && w.text != "having" {
			continue
		}
		for j := i + 1; j < min(i+6, len(words)); j++ {
			if words[j].begins || words[j].text == "been" || slices.Contains(beforeBareVerb, words[j].text) && j > i+2 {
				break
			}
			if j == i+1 {
				continue
			}
			if slices.Contains(bareVerbs, words[j].text) && !slices.Contains(beforeBareVerb, words[j-1].text) {
				return true
			}
		}
	}
	return false
}

var (
	isNone      = regexp.MustCompile(`(?i)\b(is|are|was|were|be) none\b`)
	thereIsNone = regexp.MustCompile(`(?i)\bthere (is|are|was|were|be|may be|can be|must be) none\b`)
)

// inSpace are words that show, if they come shortly after "behind", that it is a place.
var inSpace = strings.Fields(`
	link links uplink router routers nat nats box boxes firewall firewalls interface machine network
	balancer balancers middlebox middleboxes host hosts tunnel tunnels proxy node hop hops device
	target targets interfaces veth tun bridge gateway`)

// hasLateBehind reports whether "behind" stands for "after". Something left behind is
// neither.
func hasLateBehind(words []word) bool {
	for i, w := range words {
		if w.text != "behind" || i > 0 && strings.HasPrefix(words[i-1].text, "left") {
			continue
		}
		near := words[max(i-1, 0):min(i+5, len(words))]
		if !slices.ContainsFunc(near, func(w word) bool { return slices.Contains(inSpace, w.text) }) {
			return true
		}
	}
	return false
}

package commands

import (
	"strings"
	"testing"
)

// Options may stand between the files of a command. Faults stay for the parser.
func TestOrdered(t *testing.T) {
	model := parserOf(t).Model
	for _, tt := range []struct{ in, want string }{
		{"convert a --overwrite b", "convert --overwrite a b"},
		{"convert a -o b --to ndjson c - -q", "convert -o b --to ndjson -q a c -"},
		{"convert a --to=ndjson -qo b c", "convert --to=ndjson -qo b a c"},
		{"convert a -ob c", "convert -ob a c"},
		{"convert - -o - x", "convert -o - - x"},
		{"merge a -q b --output c d", "merge -q --output c a b d"},
		{"scan 192.0.2.1 --rate 5k 192.0.2.2", "scan --rate 5k 192.0.2.1 192.0.2.2"},
		{"convert a b", "convert a b"},
		// Not known, or without a value.
		{"convert a --nonsense b", "convert a --nonsense b"},
		{"convert a -z b", "convert a -z b"},
		{"convert a b --to", "convert a b --to"},
		{"scan a --rate --quiet b", "scan a --rate --quiet b"},
		{"convert a -- --overwrite", "convert a -- --overwrite"},
		{"lab -- convert a -q b", "lab -- convert a -q b"},
		{"nonsense a -q b", "nonsense a -q b"},
		{"", ""},
	} {
		if got := strings.Join(ordered(model, strings.Fields(tt.in)), " "); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
		}
	}
}

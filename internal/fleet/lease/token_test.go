package lease

import (
	"strings"
	"testing"
)

// A token proves one lease of one agent in one job, to each hub that has the key of the job.
func TestToken(t *testing.T) {
	jobKey := [16]byte{1, 2, 3}
	key, again := NewKey(jobKey, "a"), NewKey(jobKey, "a")
	l := Lease{Slice: 7, Epoch: 1<<32 + 12}
	token := key.Token("paris", l)
	if !again.Proves(token, "paris", l) {
		t.Error("a later hub does not take the token")
	}
	other, changed := NewKey(jobKey, "b"), NewKey([16]byte{1, 2, 4}, "a")
	for name, ok := range map[string]bool{
		"another job":       other.Proves(token, "paris", l),
		"another key":       changed.Proves(token, "paris", l),
		"another agent":     key.Proves(token, "paris2", l),
		"another slice":     key.Proves(token, "paris", Lease{8, l.Epoch}),
		"another epoch":     key.Proves(token, "paris", Lease{l.Slice, l.Epoch + 1}),
		"no token":          key.Proves("", "paris", l),
		"a part of it":      key.Proves(token[:30], "paris", l),
		"more than it":      key.Proves(token+"00", "paris", l),
		"no hexadecimal":    key.Proves(strings.Repeat("x", 32), "paris", l),
		"one digit changed": key.Proves(flipped(token), "paris", l),
	} {
		if ok {
			t.Errorf("%s: the token is taken", name)
		}
	}
}

// flipped returns a token with another last digit.
func flipped(token string) string {
	last := "0"
	if strings.HasSuffix(token, last) {
		last = "1"
	}
	return token[:len(token)-1] + last
}

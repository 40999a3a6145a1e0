package traceroute

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/plan"
)

// A text that has the form of something other than a host gets an error with a replacement.
func TestCheckHost(t *testing.T) {
	for text, want := range map[string]string{
		"example.net": "", "192.0.2.1": "", "2001:db8::1": "", "fe80::1%eth0": "", "::ffff:192.0.2.1": "",
		"a-b.example": "", "xn--bcher-kva.example": "", "1and1.example": "", "under_score.example": "",
		"192.0.2.0/24":        "is a prefix: use masstrace scan",
		"2001:db8::/32":       "is a prefix",
		"192.0.2.1-192.0.2.9": "is a range: use masstrace scan",
		"https://a.example/b": "is a URL: give the host alone, a.example",
		"http://a.example:80": "is a URL: give the host alone, a.example",
		"a.example/index":     "neither a name nor an address",
		"a.example:443":       "give the host alone, a.example, and the port as -p 443",
		"192.0.2.1:80":        "give the host alone, 192.0.2.1, and the port as -p 80",
		"[2001:db8::1]":       "",
		"[2001:db8::1]:80":    "give the host alone, 2001:db8::1, and the port as -p 80",
		"http://[2a00::1]:80": "give the host alone, 2a00::1",
		"60":                  "the length of packets cannot be set",
		"a.example b.example": "one host in each argument or line",
		"192.0.2.1,DE,label":  "one host in each argument or line",
	} {
		err := CheckHost(text)
		_, refused := errors.AsType[*plan.ConfigError](err)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case want != "" && (!refused || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// Arguments come first, then the lines of lists. A list that cannot be read ends with its error.
func TestHosts(t *testing.T) {
	long := strings.Repeat("x", 1<<17)
	c := Config{Hosts: []string{"a"}, Lists: []List{
		{Name: "one", In: strings.NewReader("\ufeffb # comment\r\n\r\n# none\r\n  c  \r\n")},
		{Name: "two", In: strings.NewReader("d\n" + long)},
		{Name: "three", In: strings.NewReader("e")},
		{Name: "four", In: strings.NewReader("# nothing\n\n")},
	}}
	var got []string
	for h := range c.hosts {
		if h.err != nil {
			got = append(got, "error "+h.err.Error())
			continue
		}
		got = append(got, h.at+h.name)
	}
	want := []string{"a", "one:1: b", "one:4: c", "two:1: d", "error two:2: line is longer than 65536 bytes", "three:1: e", "error Lists: four has no host"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	c.Lists = []List{{Name: "one", In: strings.NewReader("b\nc\n")}}
	for h := range c.hosts {
		if h.name == "b" {
			break // and no further host is yielded
		}
	}
}

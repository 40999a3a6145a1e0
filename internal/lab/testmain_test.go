package lab

import (
	"fmt"
	"strings"
	"testing"
)

// skipper is a test that keeps why it was skipped.
type skipper struct{ why string }

func (s *skipper) Helper() {}

func (s *skipper) Skipf(format string, args ...any) { s.why = fmt.Sprintf(format, args...) }

// A test that needs a lab runs inside it alone, and is told why it cannot.
func TestNeed(t *testing.T) {
	here, err := place("lab")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, inside, out, want string }{
		{"inside", here, "", ""},
		{"in another network", "lab net:[1]", "", `needs lab "lab": TestMain does not call lab.Main`},
		{"in another lab", "other" + strings.TrimPrefix(here, "lab"), "", `needs lab "lab": TestMain does not call lab.Main`},
		{"none to be had", "", "no namespaces", `needs lab "lab": no namespaces`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(envInside, tt.inside)
			t.Setenv(envOut, tt.out)
			var s skipper
			if Need(&s, "lab"); s.why != tt.want {
				t.Errorf("skipped for %q, want %q", s.why, tt.want)
			}
		})
	}
}

func TestNeedTool(t *testing.T) {
	var s skipper
	if NeedTool(&s, "sh"); s.why != "" {
		t.Errorf("skipped for want of sh: %s", s.why)
	}
	if NeedTool(&s, "no-such-tool"); !strings.HasPrefix(s.why, "needs no-such-tool: ") {
		t.Errorf("skipped for %q, want the tool named", s.why)
	}
}

// An error when the network is taken down does not change the command's status.
func TestRunEndFails(t *testing.T) {
	out, status, err := runOut(t, Config{Setup: "lossy", Command: sh("exit 4")})
	if err != nil || status != 4 || out != "lab: the counters are lost\n" {
		t.Errorf("Run = %d, %v, with %q", status, err, out)
	}
}

// A command that stops itself goes on: no shell in there would ever continue it.
func TestRunStopped(t *testing.T) {
	out, status, err := runOut(t, Config{Command: sh("kill -STOP $$; echo it went on; exit 6")})
	if err != nil || status != 6 || out != "it went on\n" {
		t.Errorf("Run = %d, %v, with %q", status, err, out)
	}
}

package commands

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// Connections that a trace leaves half open are reset, those too that it did not
// wait for.
func TestInternetTraceResets(t *testing.T) {
	t.Parallel()
	lab.Need(t, routers.Name)
	counters := filepath.Join(t.TempDir(), "counters.json")
	text, err := exec.CommandContext(t.Context(), program, "lab", "--preset=clean", "--counters", counters, "--",
		program, "trace", "-n", "-T", "-s9.9.9.9", "45.1.2.3", "45.2.2.3", "45.4.4.4").CombinedOutput()
	if err != nil || strings.Count(string(text), "[open]") != 3 {
		t.Fatalf("%v\n%s", err, text)
	}
	c := readCounters(t, counters)
	sim := c.Simulator
	if opened := sim["answer syn-ack"] + sim["answer challenge-ack"]; opened < 9 || sim["fate taken"] != opened {
		t.Errorf("%d resets of %d that would be in order", sim["fate taken"], opened)
	}
}

// A target that answers by a datagram alone has answered, and the trace shows it.
func TestInternetTraceTouched(t *testing.T) {
	t.Parallel()
	lab.Need(t, routers.Name)
	for _, flags := range []string{"--flows=1", "--flows=2"} {
		text, err := exec.CommandContext(t.Context(), program, "lab", "--preset=clean", "--set=udp-answers=1", "--",
			program, "trace", "-n", flags, "45.150.1.206").CombinedOutput()
		if err != nil || !strings.Contains(string(text), "\n45.150.1.206 answered by a datagram, which tells no distance\n") {
			t.Errorf("%s: %v\n%s", flags, err, text)
		}
	}
}

// A host that is the name of a file may be a list.
func TestListHint(t *testing.T) {
	for name, want := range map[string]string{"trace_test.go": "--hosts trace_test.go", "no.such.host": "", "testdata": ""} {
		err := fmt.Errorf("line 1: %w", &net.DNSError{Name: name, Err: "no such host"})
		if got := listHint(err); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := listHint(errors.New("no route")); got != "" {
		t.Errorf("another error: %q", got)
	}
}

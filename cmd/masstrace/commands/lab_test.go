package commands

import (
	"os/exec"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// The command of a lab gets its arguments as they are: empty, with line ends, and with flags of ours.
func TestLabArguments(t *testing.T) {
	t.Parallel()
	lab.Need(t, routers.Name)
	cmd := exec.CommandContext(t.Context(), program, "lab", "--", "printf", "<%s>", "", "a\nb\x01", "--preset", "-h", "--", "é,f")
	out, err := cmd.CombinedOutput()
	if want := "<><a\nb\x01><--preset><-h><--><é,f>"; err != nil || string(out) != want {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}

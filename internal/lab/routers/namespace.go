package routers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/masstrace/masstrace/internal/lab"
)

// within runs f on a thread in the network namespace of that name. The vantage point's namespace is
// the one in which this process already is. See [lab.Within].
func within(node string, f func() error) error {
	if node == vantage {
		return f()
	}
	return lab.Within(node, f)
}

// feed runs a command with lines as its standard input.
func feed(ctx context.Context, lines []string, name string, args ...string) error {
	if len(lines) == 0 {
		return nil
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}

// A setting is a file below /proc/sys/net and its value.
type setting struct{ path, value string }

// write writes settings in the namespace of the calling thread. It skips those that this kernel
// does not have.
func write(settings []setting) error {
	for _, s := range settings {
		err := lab.WriteSetting("net/"+s.path, s.value)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

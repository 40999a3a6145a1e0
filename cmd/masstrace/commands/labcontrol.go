package commands

import (
	"errors"
	"fmt"
	"slices"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/management"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/quantity"
)

// Words in the place of the command of lab that are for a lab which runs already.
const (
	labExec    = "exec"
	labCut     = management.Cut
	labDelay   = management.Delay
	labRestore = management.Restore
)

// isLabControl reports whether the arguments of lab are for a lab which runs already. A command of
// the same name comes after "--".
func isLabControl(args []string) bool {
	return len(args) > 0 && slices.Contains([]string{labExec, labCut, labDelay, labRestore}, args[0])
}

// control sends a command to a running lab, or runs one at a vantage point.
func (c *LabCmd) control(args []string) error {
	usage := map[string]string{labExec: "NAME -- COMMAND...", labCut: "NAME", labDelay: "NAME TIME", labRestore: "NAME"}
	wrong := &plan.ConfigError{Err: fmt.Errorf("usage: masstrace lab %s %s", args[0], usage[args[0]])}
	do, args := args[0], args[1:]
	if do == labExec {
		if len(args) > 1 && args[1] == "--" {
			args = slices.Delete(slices.Clone(args), 1, 2)
		}
		if len(args) < 2 {
			return wrong
		}
		if err := findOurselves(); err != nil {
			return err
		}
		err := lab.Exec(args[0], args[1:])
		if errors.Is(err, lab.ErrNoNamespace) {
			err = fmt.Errorf("%w: run masstrace lab exec inside a lab with --vantage-points", err)
		}
		return err
	}
	r := management.Request{Do: do}
	if len(args) != 1 && do != labDelay || len(args) != 2 && do == labDelay {
		return wrong
	}
	if r.Name = args[0]; do == labDelay {
		var err error
		if r.Delay, err = quantity.ParseTime(args[1]); err != nil {
			return &plan.ConfigError{Err: err}
		}
	}
	err := management.Send(c.State, r)
	if errors.Is(err, management.ErrNoLab) && c.State == "" {
		err = fmt.Errorf("%w; outside the lab, give its --state", err)
	}
	return err
}

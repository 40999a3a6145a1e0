package commands

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/run"
)

// The exit statuses of all commands. README.md has the same table.
const (
	statusDone        = 0 // complete
	statusNo          = 1 // no answer to trace, a false result for verify, no trace to show
	statusUsage       = 2 // the request makes no sense; the message names the option
	statusEnvironment = 3 // permission, link, route, files: also a file that is missing
	statusPartial     = 4 // the run began and did not finish
	statusInterrupted = 128 + int(syscall.SIGINT)
	statusTerminated  = 128 + int(syscall.SIGTERM)
	statusPipe        = 128 + int(syscall.SIGPIPE) // the reader of standard output has ended
)

// exitStatus is the status of a command that has written all it has to write.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// report writes the error of a command to stderr, in a line that names the flag to blame, and
// returns the exit status. A second line is the command that continues a stopped scan. A nil err
// is a success.
func report(stderr io.Writer, name string, args command, err error) int {
	if err == nil {
		return statusDone
	}
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status)
	}
	text := flagsOf(name).message(err)
	if stopped, ok := errors.AsType[*run.Incomplete](err); ok && stopped.Checkpoint != "" {
		text += "; to continue it:\n  " + args.continued(stopped.Checkpoint)
	}
	say(stderr, "masstrace: "+text)
	return statusOf(err)
}

// statusOf returns the exit status of an error.
func statusOf(err error) int {
	if _, ok := errors.AsType[*run.Incomplete](err); ok {
		return statusPartial
	}
	if _, file := errors.AsType[*fs.PathError](err); file {
		return statusEnvironment
	}
	_, refused := errors.AsType[*plan.ConfigError](err)
	_, differs := errors.AsType[*plan.DifferError](err)
	_, collides := errors.AsType[*outfile.CollisionError](err)
	_, misnamed := errors.AsType[*outfile.EndingError](err)
	_, unfit := errors.AsType[*outfile.RefusedError](err)
	if refused || differs || collides || misnamed || unfit {
		return statusUsage
	}
	return statusEnvironment
}

// message returns the text of err with flags in place of the fields of configurations.
func (f flagNames) message(err error) string {
	if _, ok := errors.AsType[*lastArgumentError](err); ok {
		f = f.ofLastArgument()
	}
	if differ, ok := errors.AsType[*plan.DifferError](err); ok {
		return f.differences(differ)
	}
	if collision, ok := errors.AsType[*outfile.CollisionError](err); ok {
		return fmt.Sprintf("%s and %s name the same file: %s", f.flag(collision.First.Name), f.flag(collision.Second.Name), collision.Path())
	}
	if misnamed, ok := errors.AsType[*outfile.EndingError](err); ok {
		return f.flag(misnamed.Name) + ": " + misnamed.Error()
	}
	if unfit, ok := errors.AsType[*outfile.RefusedError](err); ok {
		return f.flag(unfit.Name) + ": " + unfit.Error()
	}
	if exists, ok := errors.AsType[*outfile.ExistsError](err); ok && !exists.Link {
		return err.Error() + ": remove it, choose another name, or allow it by --overwrite"
	}
	if stopped, ok := errors.AsType[*run.Incomplete](err); ok && stopped.Reason != "" {
		return stoppedText(stopped)
	}
	// The error may be wrapped: the text around it stays.
	refused, ok := errors.AsType[*plan.ConfigError](err)
	if !ok || refused.Field == "" {
		return err.Error()
	}
	return strings.Replace(err.Error(), refused.Error(), f.flag(refused.Field)+": "+refused.Err.Error(), 1)
}

// differences returns the text of a DifferError.
func (f flagNames) differences(e *plan.DifferError) string {
	var list []string
	for _, d := range e.Differences {
		text := f.flag(d.Field)
		if !digests[d.Field] {
			text += fmt.Sprintf(" (is %s, was %s)", optionText(d.Now), optionText(d.Was))
		}
		list = append(list, text)
	}
	return fmt.Sprintf("--resume %s: these options must be the same as in the stopped run: %s", e.Path, strings.Join(list, ", "))
}

// digests are the fields whose values in a Difference are digests, which no user has seen.
var digests = map[string]bool{"Targets": true, "Exclude": true, "Key": true}

// optionText returns the value of an option as its flag takes it.
func optionText(v any) string {
	switch v := v.(type) {
	case [2]uint64: // a shard, from 0, and how many there are
		return fmt.Sprintf("%d/%d", v[0]+1, max(v[1], 1))
	case string:
		if v == "" {
			return "none"
		}
	}
	return fmt.Sprint(v)
}

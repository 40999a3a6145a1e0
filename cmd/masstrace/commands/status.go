package commands

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/traceroute"
)

// The exit statuses of a command that failed.
const (
	statusUsage       = 2 // the request makes no sense
	statusEnvironment = 3 // permission, link, route, files
	statusPartial     = 4 // the run began and did not finish
	statusPipe        = 128 + int(syscall.SIGPIPE)
)

// exitStatus is the status of a command that has written all it has to write.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// report writes the error of a command to stderr, in one line that names the flag to
// blame, and returns the exit status. A nil err is a success.
func report(stderr io.Writer, command string, err error) int {
	if err == nil {
		return 0
	}
	if status, ok := errors.AsType[exitStatus](err); ok {
		return int(status)
	}
	say(stderr, "masstrace: "+flagsOf(command).message(err))
	return statusOf(err)
}

// statusOf returns the exit status of an error.
func statusOf(err error) int {
	if _, ok := errors.AsType[*run.Incomplete](err); ok {
		return statusPartial
	}
	_, refused := errors.AsType[*plan.ConfigError](err)
	_, differs := errors.AsType[*plan.DifferError](err)
	_, collides := errors.AsType[*outfile.CollisionError](err)
	if refused || differs || collides {
		return statusUsage
	}
	return statusEnvironment
}

// message returns the text of err with flags in place of the fields of configurations.
func (f flagNames) message(err error) string {
	if hosts, ok := errors.AsType[traceroute.HostErrors](err); ok {
		lines := make([]string, len(hosts))
		for i, host := range hosts {
			lines[i] = f.message(host)
		}
		return strings.Join(lines, "\n")
	}
	if differ, ok := errors.AsType[*plan.DifferError](err); ok {
		return f.differences(differ)
	}
	if collision, ok := errors.AsType[*outfile.CollisionError](err); ok {
		return fmt.Sprintf("%s and %s name the same file: %s", f.flag(collision.First.Name), f.flag(collision.Second.Name), collision.Second.Path)
	}
	if exists, ok := errors.AsType[*outfile.ExistsError](err); ok && !exists.Link {
		return err.Error() + ": remove it, choose another name, or allow it by --overwrite"
	}
	if stopped, ok := errors.AsType[*run.Incomplete](err); ok && stopped.Checkpoint != "" {
		return err.Error() + "; continue it with --resume " + stopped.Checkpoint
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

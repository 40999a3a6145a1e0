package commands

import (
	"errors"
	"maps"

	"github.com/masstrace/masstrace/internal/plan"
)

// lastIsOutput separates the output from the arguments, if no flag names it.
func lastIsOutput(files []string, output string) (inputs []string, _ string, err error) {
	if output != "" {
		return files, output, nil
	}
	if len(files) < 2 {
		return nil, "", &plan.ConfigError{Err: errors.New("one file is not enough: give the results, and the output file as the last argument")}
	}
	return files[:len(files)-1], files[len(files)-1], nil
}

// lastArgumentError is an error of a command whose output is the last argument: its message has no
// flag that the user did not give.
type lastArgumentError struct{ err error }

func (e *lastArgumentError) Error() string { return e.err.Error() }
func (e *lastArgumentError) Unwrap() error { return e.err }

// ofOutput returns an error of a command whose output a flag names, or else the last argument.
func ofOutput(flag string, err error) error {
	if flag != "" || err == nil {
		return err
	}
	return &lastArgumentError{err}
}

// ofLastArgument returns the flags of a command whose output is the last argument.
func (f flagNames) ofLastArgument() flagNames {
	own := maps.Clone(f)
	own["Output"] = "the output (the last argument)"
	return own
}

// Package engine fits the stages together: it makes windows, starts and ends
// every goroutine, and holds what is left of a run when it is over.
//
//	opener ─▶ scheduler+sender ─▶ link ··▶ receiver+matcher ─▶ recorder ─┐
//	  ▲                       windows                                    │
//	  └────────────────────────── cleared ◀──────────────────────────────┘
package engine

import (
	"errors"
	"fmt"
)

// Class says who can mend an error.
type Class int

// The classes, which are exit statuses.
const (
	Usage       Class = 2 // what was asked for makes no sense
	Environment Class = 3 // permission, link, route, files
	Partial     Class = 4 // the run began and did not finish
)

// Error is an error with its class.
type Error struct {
	Class Class
	Err   error
}

// Error implements error.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of err, Environment if it has none.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Environment
}

func usage(format string, args ...any) error {
	return &Error{Usage, fmt.Errorf(format, args...)}
}

// environment gives err that class unless it has one.
func environment(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	return &Error{Environment, err}
}

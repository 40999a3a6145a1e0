package lab

import (
	"errors"
	"fmt"
	"io"
)

// A report is one octet of kind and a text. pid 1 writes it if the command could not be started. An
// empty report means that the command was started.
const (
	reportFailed      = 'f'
	reportUnavailable = 'u'
)

// maxReport bounds the length of a report, in octets.
const maxReport = 64 << 10

// writeReport writes the reason why the command was not started to the parent.
func writeReport(w io.Writer, err error) {
	kind := byte(reportFailed)
	if errors.Is(err, ErrUnavailable) {
		kind = reportUnavailable
	}
	// If the parent has ended, the report is lost.
	_, _ = w.Write(append([]byte{kind}, err.Error()...))
}

// readReport waits until pid 1 has started the command or given up. It returns the reason for
// giving up, or nil.
func readReport(r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, maxReport))
	switch {
	case err != nil:
		return fmt.Errorf("read report: %w", err)
	case len(text) == 0:
		return nil
	case text[0] == reportUnavailable:
		return remoteError{string(text[1:]), ErrUnavailable}
	}
	return remoteError{string(text[1:]), nil}
}

// remoteError is an error that was passed out of the namespaces as text.
type remoteError struct {
	text string
	is   error
}

func (e remoteError) Error() string { return e.text }
func (e remoteError) Unwrap() error { return e.is }

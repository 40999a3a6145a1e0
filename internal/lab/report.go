package lab

import (
	"errors"
	"fmt"
	"io"
)

// A report is one octet of kind and a text, written by pid 1 when the command
// could not be started. An empty one means that it was.
const (
	reportFailed      = 'f'
	reportUnavailable = 'u'
)

// maxReport bounds what is read of a report, in octets.
const maxReport = 64 << 10

// writeReport tells the parent why the command was not started.
func writeReport(w io.Writer, err error) {
	kind := byte(reportFailed)
	if errors.Is(err, ErrUnavailable) {
		kind = reportUnavailable
	}
	// A parent that is gone cannot be told.
	_, _ = w.Write(append([]byte{kind}, err.Error()...))
}

// readReport waits until pid 1 has started the command or given up. It returns
// why it gave up, or nil.
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

// remoteError is an error that came out of the namespaces as text.
type remoteError struct {
	text string
	is   error
}

func (e remoteError) Error() string { return e.text }
func (e remoteError) Unwrap() error { return e.is }

package link

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPermission(t *testing.T) {
	for _, err := range []error{unix.EPERM, unix.EACCES, fmt.Errorf("open: %w", unix.EPERM)} {
		if got := Permission(err); !errors.Is(got, ErrPermission) || !errors.Is(got, err) {
			t.Errorf("Permission(%v) = %v", err, got)
		}
	}
	for _, err := range []error{nil, io.EOF, unix.ENOBUFS} {
		if got := Permission(err); got != err {
			t.Errorf("Permission(%v) = %v", err, got)
		}
	}
}

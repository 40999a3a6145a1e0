package link

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestPermission(t *testing.T) {
	for _, err := range []error{unix.EPERM, unix.EACCES, fmt.Errorf("open: %w", unix.EPERM)} {
		if got := Permission(err); !errors.Is(got, ErrPermission) || !errors.Is(got, err) {
			t.Errorf("Permission(%v) = %v", err, got)
		} else if again := Permission(fmt.Errorf("open link: %w", got)); strings.Count(again.Error(), "setcap") != 1 {
			t.Errorf("wrapped twice: %v", again)
		}
	}
	file := &fs.PathError{Op: "open", Path: "/root/results", Err: unix.EACCES}
	for _, err := range []error{nil, io.EOF, unix.ENOBUFS, file, fmt.Errorf("open output: %w", file)} {
		if got := Permission(err); got != err {
			t.Errorf("Permission(%v) = %v", err, got)
		}
	}
}

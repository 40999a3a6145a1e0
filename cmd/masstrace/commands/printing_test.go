package commands

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// Help, versions and plans end quietly if the reader has gone away. If the disk is full, they end
// with an error.
func TestPrintingFails(t *testing.T) {
	for _, args := range []string{"help", "--help", "version", "-V", "scan --help", "help trace", "lab --set help", "lab --preset help", "scan --dry-run 45.0.0.1"} {
		reader, pipe, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		reader.Close()
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			out    *os.File
			status int
			lines  int
		}{{pipe, statusPipe, 0}, {full, statusEnvironment, 1}} {
			var stderr bytes.Buffer
			status := execute(strings.Fields(args), strings.NewReader(""), tt.out, &stderr)
			if status != tt.status || strings.Count(stderr.String(), "\n") != tt.lines {
				t.Errorf("%s to %s: exit status %d, want %d, with %d lines\n%s", args, tt.out.Name(), status, tt.status, tt.lines, &stderr)
			}
			tt.out.Close()
		}
	}
}

package commands

import (
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/convert"
)

// The progress of a conversion has a share and an end if the sizes of its files are known.
func TestConvertLine(t *testing.T) {
	for _, tt := range []struct {
		progress convert.Progress
		width    int
		want     string
	}{
		{convert.Progress{Records: 7000, Done: 25, Size: 100}, 0, "10s  25.0%  ETA 30s  7000 records"},
		{convert.Progress{Records: 7000, Done: 110, Size: 100}, 0, "10s 100.0%  ETA 0s  7000 records"},
		{convert.Progress{Records: 7000, Size: 100}, 0, "10s   0.0%  7000 records"},
		{convert.Progress{Records: 7000}, 0, "10s  7000 records"},
		{convert.Progress{Records: 7000}, 8, "10s  700"},
	} {
		if got := convertLine(10*time.Second, tt.progress, tt.width); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.progress, got, tt.want)
		}
	}
}

// Progress is shown on a terminal after a second, and about once a second.
func TestConverting(t *testing.T) {
	for _, tt := range []struct {
		terminal, quiet bool
		want            int // lines
	}{{true, false, 3}, {false, false, 0}, {true, true, 0}} {
		var out strings.Builder
		c := newConsole(streams{Stderr: &out}, tt.quiet)
		c.terminal, c.times = tt.terminal, newStatusTimes(0, true)
		for _, ms := range []int{10, 900, 1000, 1100, 2000, 2100, 3000} {
			c.converting(time.Duration(ms)*time.Millisecond, convert.Progress{Records: 1})
		}
		if got := strings.Count(out.String(), eraseLine); got != tt.want {
			t.Errorf("terminal %t, quiet %t: %d lines, want %d: %q", tt.terminal, tt.quiet, got, tt.want, out.String())
		}
	}
}

package commands

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/masstrace/masstrace/internal/convert"
	"github.com/masstrace/masstrace/internal/progress/terminaltest"
)

// The progress is shown on a terminal after a second, and in a log after a minute, then each minute.
// Afterwards it is gone from the terminal.
func TestReading(t *testing.T) {
	for _, tt := range []struct {
		name            string
		terminal, quiet bool
		want            map[time.Duration]string // on the terminal or in the log after this time
	}{
		{"terminal", true, false, map[time.Duration]string{
			900 * time.Millisecond:  "\n",
			1990 * time.Millisecond: "convert  [##############---------------------------------]   31.7 %  2s  ETA 4s\n     read  19.0 MB  of 60.0 MB, 10.0 MB/s\n  records   19,000  10,000/s\n",
		}},
		{"log", false, false, map[time.Duration]string{
			59 * time.Second:  "\n",
			150 * time.Second: "1m0s 100.0% read 600.0 MB records 600,000 ETA 0s\n2m0s 100.0% read 1200.0 MB records 1,200,000 ETA 0s\n",
		}},
		{"quiet", true, true, map[time.Duration]string{150 * time.Second: "\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TERM", "linux")
			for after, want := range tt.want {
				synctest.Test(t, func(t *testing.T) {
					out := terminaltest.New(80)
					c := newConsole(streams{Stderr: out}, tt.quiet)
					c.terminal = tt.terminal
					r := newReading(c, "convert", "out", nil)
					for began := time.Now(); time.Since(began) < after; {
						time.Sleep(100 * time.Millisecond)
						n := time.Since(began).Milliseconds()
						r.converted(convert.Progress{Records: uint64(10 * n), Done: 10_000 * n, Size: 60e6})
					}
					if got := out.Text(); got != want {
						t.Errorf("after %v:\n%swant\n%s", after, got, want)
					}
					c.clear()
					if tt.terminal && strings.TrimSpace(out.Text()) != "" {
						t.Errorf("left on the terminal:\n%s", out.Text())
					}
				})
			}
		})
	}
}

package commands

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/progress/terminaltest"
)

// On a terminal a line is due each second, in a log after the first each minute.
func TestStatusTimes(t *testing.T) {
	for _, tt := range []struct {
		asked    time.Duration
		terminal bool
		want     string // seconds
	}{
		{0, true, "[1 2 3 4 5 6 7 8 9 10]"}, {0, false, "[1 61 121]"}, {3 * time.Second, true, "[1 4 7 10]"}, {3 * time.Second, false, "[1 4 7 10]"},
		{time.Millisecond, false, "[1 2 3 4 5 6 7 8 9 10]"},
	} {
		times := newStatusTimes(tt.asked, tt.terminal)
		var got []int
		most := 10
		if tt.asked == 0 && !tt.terminal {
			most = 130
		}
		for s := 1; s <= most; s++ {
			jitter := time.Duration(s%3-1) * 100 * time.Millisecond
			if times.due(time.Duration(s)*time.Second + jitter) {
				got = append(got, s)
			}
		}
		if fmt.Sprint(got) != tt.want {
			t.Errorf("%v, terminal %v: %v, want %s", tt.asked, tt.terminal, got, tt.want)
		}
	}
}

// The display of a scan is never wider than the terminal. It shows the wait for replies at the end, and
// then it is gone.
func TestStatusOnTerminal(t *testing.T) {
	t.Parallel()
	lab.Need(t, routers.Name)
	for _, columns := range []uint16{50, 80} {
		master, terminal := openTerminal(t, columns)
		cmd := exec.CommandContext(t.Context(), program, "scan", "45.144.0.9", "--rate=20", "--strategy=exhaustive", "--wait=2500ms", "-o", outFile(t))
		cmd.Stderr = terminal
		cmd.Env = append(os.Environ(), "TERM=xterm")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		terminal.Close()
		shown := terminaltest.New(int(columns))
		text := new(bytes.Buffer)
		_, _ = text.ReadFrom(master) // it fails when the other end is closed
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, text.String())
		}
		_, _ = shown.Write(text.Bytes())
		if shown.Cut > 0 || shown.Unknown != nil || strings.Contains(shown.Text(), "ETA") {
			t.Errorf("%d columns: %d characters cut, unknown sequences %q, at the end\n%s", columns, shown.Cut, shown.Unknown, shown.Text())
		}
		for _, want := range []string{"sent", "replies", "drops", "ETA ", "s for replies"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%d columns: no %q in %q", columns, want, text.String())
			}
		}
	}
}

package commands

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/observe"
)

// A status line fits any width: whole fields are left out, the least important first.
func TestStatusLineWidth(t *testing.T) {
	p := observe.Progress{
		Elapsed: 62 * time.Second, Left: time.Hour, Share: 0.12345,
		Sent: 600_000, RatePPS: 9_999, Answered: 400_200, Drops: 3,
	}
	for width, want := range map[int]string{
		0:   "1m2s  12.3% sent 600000 (9999/s) replies 400200 hit 66.7% drops 3 ETA 1h0m0s",
		100: "1m2s  12.3% sent 600000 (9999/s) replies 400200 hit 66.7% drops 3 ETA 1h0m0s",
		70:  "1m2s  12.3% sent 600000 (9999/s) replies 400200 drops 3 ETA 1h0m0s",
		60:  "1m2s  12.3% sent 600000 (9999/s) replies 400200 ETA 1h0m0s",
		50:  "1m2s  12.3% sent 600000 replies 400200 ETA 1h0m0s",
		30:  "1m2s  12.3% ETA 1h0m0s",
		12:  "1m2s  12.3%",
		5:   "1m2s ",
	} {
		if got := statusLine(p, width); got != want {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
	}
}

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

// pty returns both ends of a terminal of so many columns.
func pty(t *testing.T, columns uint16) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}); err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	return master, terminal
}

// A scan at a terminal never writes more into a status line than the terminal is wide, and it waits
// for replies at the end.
func TestStatusOnTerminal(t *testing.T) {
	t.Parallel()
	lab.Need(t, routers.Name)
	for _, columns := range []uint16{50, 80} {
		master, terminal := pty(t, columns)
		cmd := exec.CommandContext(t.Context(), program, "scan", "45.144.0.9", "--rate=20", "--strategy=exhaustive", "--wait=2500ms", "-o", outFile(t))
		cmd.Stderr = terminal
		cmd.Env = append(os.Environ(), "TERM=xterm")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		terminal.Close()
		var shown bytes.Buffer
		_, _ = shown.ReadFrom(master) // it fails when the other end is closed
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, shown.String())
		}
		status, _, _ := strings.Cut(shown.String(), "\r\n")
		lines := strings.Split(status, eraseLine)
		lines = lines[:len(lines)-1] // the rest is the summary
		for _, line := range lines {
			if len(line) >= int(columns) {
				t.Errorf("%d columns: %q has %d", columns, line, len(line))
			}
		}
		if len(lines) < 3 || !strings.Contains(status, "for replies") {
			t.Errorf("%d columns: %q", columns, status)
		}
	}
}

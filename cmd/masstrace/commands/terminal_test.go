package commands

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/progress/terminaltest"
)

// openTerminal returns both ends of a pseudo terminal of some columns.
func openTerminal(t *testing.T, columns uint16) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	t.Cleanup(func() { user.Close() })
	fd := int(user.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: columns}); err != nil {
		t.Fatal(err)
	}
	return user, program
}

// shownOn returns the lines that are left on a terminal after text. It is so wide that it breaks none.
func shownOn(text string) (lines []string) {
	terminal := terminaltest.New(1000)
	_, _ = terminal.Write([]byte(text))
	return strings.Split(terminal.Text(), "\n")
}

// onTerminal runs masstrace with standard output and standard error on a terminal, and returns the
// text on it. during is called after the first text.
func onTerminal(t *testing.T, columns uint16, status int, during func(p *os.Process), args ...string) string {
	t.Helper()
	user, terminal := openTerminal(t, columns)
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = program
	cmd.Stdout, cmd.Stderr, cmd.Env = terminal, terminal, append(os.Environ(), "TERM=xterm")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	terminal.Close()
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	var text strings.Builder
	buf := make([]byte, 4096)
	for {
		n, err := user.Read(buf)
		if n > 0 && text.Len() == 0 && during != nil {
			during(cmd.Process)
		}
		text.Write(buf[:n])
		if err != nil { // EIO, or io.EOF: no process has the terminal any more
			break
		}
	}
	_ = cmd.Wait() // the status is looked at
	if got := cmd.ProcessState.ExitCode(); got != status {
		t.Fatalf("exit status %d:\n%s", got, text.String())
	}
	return text.String()
}

// A scan to a terminal shows traces as text, and the status line is never among them. With
// --output, also -, and in a pipe it writes records.
func TestTerminal(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	scan := []string{"scan", "45.144.0.9", "45.144.1.9", "45.16.0.0/22", "--rate=40", "--memory=200k", "--wait=300ms", "--seed=s", "--max-ttl=12"}
	for _, columns := range []uint16{80, 50} {
		text := onTerminal(t, columns, 0, nil, scan...)
		if strings.Contains(text, `{"type"`) || !strings.Contains(text, "drops") {
			t.Errorf("records, or no display:\n%s", text)
		}
		lines := shownOn(text)
		shown := strings.Join(lines, "\n")
		if n := strings.Count("\n"+shown, "\ntraceroute to "); n != 6 {
			t.Errorf("%d traces are shown, want 6:\n%s", n, shown)
		}
		for _, want := range []string{"traceroute to 45.144.0.9 from ", "lost by us", "complete", "seed: s"} {
			if !strings.Contains(shown, want) {
				t.Errorf("no %q in\n%s", want, shown)
			}
		}
		if strings.Contains(shown, "drops") {
			t.Errorf("the display is left:\n%s", shown)
		}
		for _, line := range lines {
			if len([]rune(line)) > 80 {
				t.Errorf("%d characters: %s", len([]rune(line)), line)
			}
		}
	}
	for _, more := range [][]string{{"-o", "-"}, {"--records=reply"}} {
		if text := onTerminal(t, 80, 0, nil, slices.Concat(scan, more)...); !strings.Contains(text, `{"type":"run"`) {
			t.Errorf("%v: no records:\n%s", more, text)
		}
	}
	out := outFile(t)
	text := onTerminal(t, 80, 0, nil, slices.Concat(scan, []string{"-o", out})...)
	if strings.Contains(text, "traceroute to") || !regexp.MustCompile(`output: \S+, [0-9.]+ kB`).MatchString(text) ||
		!strings.Contains(text, "to see it: masstrace show "+out) || mustRead(t, out).summary == nil {
		t.Errorf("with --output:\n%s", text)
	}
}

// A scan that keeps a checkpoint ends soon after a signal: it waits for no reply that another
// process will wait for again.
func TestSignalCheckpointWaitsForNothing(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	const wait = time.Hour // the test would never end
	out, state := outFile(t), filepath.Join(t.TempDir(), "state")
	for _, strategy := range []string{"complete", "topology", "exhaustive"} {
		for _, senders := range []string{"1", "2"} {
			text := onTerminal(t, 80, 4, func(p *os.Process) {
				_ = p.Signal(syscall.SIGINT)
			}, "scan", "45.16.0.0/15", "--rate=100", "--wait="+wait.String(), "--seed=s", "--strategy="+strategy,
				"--senders="+senders, "--overwrite", "-o", out, "--checkpoint", state)
			shown := strings.Join(shownOn(text), "\n")
			for _, want := range []string{
				"interrupted: sending has stopped, unfinished windows are left for later",
				"\nnothing is recorded so far: the first window was not finished\n",
				"\nincomplete: stopped by a signal\n", "\nto continue it:\n  " + program + " scan 45.16.0.0/15 ", " -o " + out + " --resume " + state,
			} {
				if !strings.Contains(shown, want) {
					t.Errorf("%s, %s sender(s): no %q in\n%s", strategy, senders, want, shown)
				}
			}
			if strings.Contains(shown, "frames received") || strings.Contains(shown, "masstrace show") || strings.Count(shown, "signal") != 1 {
				t.Errorf("%s: a table of zeros, or the reason twice:\n%s", strategy, shown)
			}
			if err := os.Remove(state); err != nil {
				t.Error(err)
			}
		}
	}
}

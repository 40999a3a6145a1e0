package commands

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// pane is a shell in a real terminal, which tmux is.
type pane struct {
	t      *testing.T
	socket string
}

// newPane returns a shell on a terminal of a size.
func newPane(t *testing.T, width, height int, environ ...string) *pane {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("needs tmux")
	}
	p := &pane{t, filepath.Join(t.TempDir(), "tmux")}
	shell := "env LC_ALL=C.UTF-8 TERM=xterm-256color PS1='$ ' " + strings.Join(environ, " ") + " sh"
	p.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), shell)
	t.Cleanup(func() { _ = exec.Command("tmux", "-S", p.socket, "kill-server").Run() })
	return p
}

// tmux runs a command of tmux, and returns its output.
func (p *pane) tmux(args ...string) string {
	p.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", p.socket}, args...)...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// text returns the text on the terminal.
func (p *pane) text() string { return p.tmux("capture-pane", "-p") }

// keys presses keys.
func (p *pane) keys(keys ...string) { p.tmux(append([]string{"send-keys"}, keys...)...) }

// await waits for a text on the terminal, a regular expression.
func (p *pane) await(pattern string) string {
	p.t.Helper()
	match := regexp.MustCompile("(?m)" + pattern)
	text := ""
	defer func() {
		if p.t.Failed() {
			p.t.Logf("the terminal has\n%s", text)
		}
	}()
	poll(p.t, pattern+" on the terminal", func() bool {
		text = p.text()
		return match.MatchString(text)
	})
	return text
}

// The screen follows keys and sizes, and leaves the terminal as it was.
func TestWatchScreen(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	p := newPane(t, 80, 24)
	p.keys("stty -a > "+filepath.Join(filepath.Dir(p.socket), "before")+"; echo still here", "Enter")
	p.await("still here$")
	p.keys("clear; echo still here; masstrace watch 45.16.3.9 2a00:16:3::9 45.128.3.9 --interval 0.3; echo status $?", "Enter")
	text := p.await(`^reached at TTL 2`)
	for _, want := range []string{"masstrace 45.16.3.9", " 1 45.16.3.9 ", "TTL Host", "  1 ", "? help  q quit", "live"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	p.keys("Tab")
	p.await("^masstrace 2a00:16:3::9")
	p.keys("3")
	p.await(`^unreachable at TTL 6: no route to the host`)
	p.keys("1")
	p.await("^masstrace 45.16.3.9")
	p.keys("Down")
	p.keys("Enter")
	p.await(`(port unreach|ttl exceeded), TTL of the answer`)
	p.keys("q")
	p.await("TTL Host")
	p.keys("p")
	p.await("paused$")
	p.keys("p")
	p.await("live$")
	p.keys("?")
	p.await("leave a page, then the program")
	p.keys("q")
	p.await("TTL Host")
	p.tmux("resize-window", "-x", "200", "-y", "60")
	p.await(`TTL Host .* P95 .*History`)
	p.tmux("resize-window", "-x", "20", "-y", "5")
	p.await(`^reached at TTL 2, l…$`)
	p.tmux("resize-window", "-x", "80", "-y", "24")
	p.await("TTL Host")
	p.keys("q")
	p.await("^status 0")
	if text := p.text(); !strings.Contains(text, "still here") || strings.Contains(text, "TTL Host") {
		t.Errorf("the screen is not as before:\n%s", text)
	}
	p.keys("stty -a | cmp - "+filepath.Join(filepath.Dir(p.socket), "before")+" && echo same modes", "Enter")
	p.await("^same modes")
}

// A signal ends the screen, and the terminal is as before.
func TestWatchSignals(t *testing.T) {
	lab.Need(t, routers.Name)
	for signal, status := range map[string]int{"INT": 130, "TERM": 143, "HUP": 129, "QUIT": 131} {
		t.Run(signal, func(t *testing.T) {
			t.Parallel()
			p := newPane(t, 80, 24)
			before := filepath.Join(filepath.Dir(p.socket), "before")
			p.keys("stty -a > "+before+"; masstrace watch -n 45.16.3.9 & pid=$!; fg; echo status $?", "Enter")
			p.await("^reached at TTL 2")
			p.tmux("run-shell", "-b", "kill -"+signal+" $(ps --ppid "+strings.TrimSpace(p.tmux("display-message", "-p", "#{pane_pid}"))+" -o pid= | tail -1)")
			p.await(fmt.Sprintf("^status %d", status))
			p.keys("stty -a | cmp - "+before+" && echo same modes", "Enter")
			p.await("^same modes")
		})
	}
}

// Without Unicode and without colours the screen is readable.
func TestWatchTerminals(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	p := newPane(t, 80, 24, "TERM=linux")
	p.keys("masstrace watch -n 45.16.3.9 --interval 0.3", "Enter")
	for _, r := range p.await("^reached at TTL 2") {
		if r > 126 {
			t.Errorf("the character %q on a console of Linux", r)
		}
	}
	p.keys("q")
	p = newPane(t, 80, 24, "NO_COLOR=1")
	p.keys("masstrace watch -n 45.16.3.9 --interval 0.3", "Enter")
	p.await("^reached at TTL 2")
	if styled := p.tmux("capture-pane", "-p", "-e"); regexp.MustCompile(`\x1b\[[0-9;]*(3[0-7]|38;|9[0-7])[;m]`).MatchString(styled) {
		t.Errorf("colours in spite of NO_COLOR:\n%q", styled)
	}
}

// A recording is shown again on a terminal, and stays on it at its end.
func TestWatchReplay(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	p := newPane(t, 80, 24)
	file := filepath.Join(filepath.Dir(p.socket), "record")
	p.keys("masstrace watch -n -c 5 --interval 0.2 --report --record "+file+" 45.16.3.9; masstrace watch -n --replay "+file+" --speed 10; echo status $?", "Enter")
	text := p.await("ended$")
	if !strings.Contains(text, "replay, udp, every 200ms  cycle 5") || !strings.Contains(text, "reached at TTL 2, loss ") {
		t.Errorf("at the end:\n%s", text)
	}
	p.keys("q")
	p.await("^status 0")
}

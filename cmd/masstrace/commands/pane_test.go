package commands

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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

// signal sends a signal to the command that the shell has started.
func (p *pane) signal(name string) {
	p.t.Helper()
	shell := strings.TrimSpace(p.tmux("display-message", "-p", "#{pane_pid}"))
	p.tmux("run-shell", "-b", "kill -"+name+" $(ps --ppid "+shell+" -o pid= | tail -1)")
}

// isASCII checks a text of a terminal without Unicode.
func isASCII(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r > 126 {
			t.Errorf("the character %q on a console of Linux", r)
		}
	}
}

// colour matches the control sequences that set one.
var colour = regexp.MustCompile(`\x1b\[[0-9;]*(3[0-7]|38;|9[0-7])[;m]`)

// isColourless checks that the terminal has no colours.
func (p *pane) isColourless() {
	p.t.Helper()
	if styled := p.tmux("capture-pane", "-p", "-e"); colour.MatchString(styled) {
		p.t.Errorf("colours in spite of NO_COLOR:\n%q", styled)
	}
}

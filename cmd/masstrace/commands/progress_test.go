package commands

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// longScan is a scan that takes days. Ctrl-C ends it.
const longScan = "masstrace scan 45.16.0.0/15 --granularity4 32 --rate 50 --wait 0.3 --seed s -o /dev/null --overwrite"

// The display of a scan is below all messages. It fits every size of the terminal, and leaves the
// terminal as it was.
func TestProgressScreen(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	p := newPane(t, 80, 24)
	before := filepath.Join(filepath.Dir(p.socket), "before")
	p.keys("clear; stty -g > "+before+"; echo still here; "+longScan+" & pid=$!; fg; echo status $?", "Enter")
	text := p.await(`^ +replies .*\n +drops +0  by this machine`)
	if !regexp.MustCompile(`(?m)^still here\n(.*\n){1,3}scan  ─+ +0\.0 %  \d+s  ETA \S+\n +sent +\d+  .* of 50/s`).MatchString(text) {
		t.Errorf("the display is\n%s", text)
	}
	p.signal("HUP")
	p.await(`^no exclusion file was given: there is nothing to read again\nscan  ─`)
	p.tmux("resize-window", "-x", "200", "-y", "60")
	text = p.await(`^scan  ─{100}  .*\n +sent `)
	if n := strings.Count(text, "drops"); n != 1 || !strings.Contains(text, "still here\n") {
		t.Errorf("%d displays after the terminal grew:\n%s", n, text)
	}
	p.tmux("resize-window", "-x", "20", "-y", "5")
	text = p.await(`^0\.0 %  ETA \S+\n +sent +\S+\n +replies +\S+$`)
	if strings.Count(text, "sent") != 1 {
		t.Errorf("several displays on a small terminal:\n%s", text)
	}
	p.tmux("resize-window", "-x", "60", "-y", "40")
	p.await(`^scan  ─+ +0\.0 %  \S+  ETA \S+\n +sent .*\n +replies .*\n +drops `)
	p.keys("C-c")
	p.await("^status 4")
	text = p.tmux("capture-pane", "-p", "-S", "-")
	at := strings.Index(text, "interrupted: sending has stopped")
	if at < 0 || strings.Contains(text[at:], "ETA") || !strings.Contains(text[at:], "incomplete: stopped by a signal") {
		t.Errorf("after the scan:\n%s", text)
	}
	p.keys("stty -g | cmp - "+before+" && echo same modes", "Enter")
	p.await("^same modes")
}

// Without Unicode and without colours the display has all of its parts.
func TestProgressTerminals(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	p := newPane(t, 80, 24, "TERM=linux")
	p.keys(longScan, "Enter")
	isASCII(t, p.await(`^scan  \[-+\] .*\n +sent .*\n +replies .*\n +drops `))
	p = newPane(t, 80, 24, "NO_COLOR=1")
	p.keys(longScan, "Enter")
	p.await(`^scan  ─+ .*\n +sent .*\n +replies .*\n +drops `)
	p.isColourless()
	p = newPane(t, 80, 24, "TERM=dumb")
	p.keys(longScan, "Enter")
	p.await(`\d+s   0\.0% sent \d+ .* ETA \S+`)
}

// A quiet scan shows nothing until its end.
func TestProgressQuiet(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	p := newPane(t, 80, 24)
	p.keys("clear; masstrace scan 45.144.0.9 --rate 20 --strategy exhaustive --wait 0.3 -q -o /dev/null --overwrite; echo status $?", "Enter")
	text := p.await("^status 0")
	if strings.Contains(text, "sent") || strings.Contains(text, "traces") {
		t.Errorf("the terminal has\n%s", text)
	}
}

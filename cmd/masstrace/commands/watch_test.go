package commands

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

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
			p.signal(signal)
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
	isASCII(t, p.await("^reached at TTL 2"))
	p.keys("q")
	p = newPane(t, 80, 24, "NO_COLOR=1")
	p.keys("masstrace watch -n 45.16.3.9 --interval 0.3", "Enter")
	p.await("^reached at TTL 2")
	p.isColourless()
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

// A terminal without a cursor gets a report.
func TestWatchWithoutCursor(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	p := newPane(t, 120, 24, "TERM=dumb")
	p.keys("masstrace watch 45.16.3.9 -c 2 --interval 0.3; echo status $?", "Enter")
	if text := p.await("^status 0"); !strings.Contains(text, "HOST: 45.16.3.9") || !strings.Contains(text, "1.|-- ") || strings.Contains(text, "q quit") {
		t.Errorf("no report in\n%s", text)
	}
}

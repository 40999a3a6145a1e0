package commands

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/progress"
	"github.com/masstrace/masstrace/internal/progress/terminaltest"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

func TestStatusLine(t *testing.T) {
	tests := []struct {
		in   observe.Progress
		want string
	}{
		{observe.Progress{Left: 4500 * time.Millisecond}, "0s   0.0% sent 0 (0/s) replies 0 hit 0.0% drops 0 ETA 5s"},
		{observe.Progress{
			Elapsed: 62_400 * time.Millisecond, Left: time.Hour + 499*time.Millisecond, Share: 0.12345,
			Sent: 600_000, RatePPS: 9_999, Answered: 400_200, Drops: 3,
		}, "1m2s  12.3% sent 600000 (9999/s) replies 400200 hit 66.7% drops 3 ETA 1h0m0s"},
		{observe.Progress{Share: 1, Sent: 1, Answered: 1}, "0s 100.0% sent 1 (0/s) replies 1 hit 100.0% drops 0 ETA 0s"},
		{observe.Progress{Share: 1, Waiting: true, Left: 2 * time.Second}, "0s 100.0% sent 0 (0/s) replies 0 hit 0.0% drops 0 waiting 2s for replies"},
		{observe.Progress{Share: 0.5, Lasts: true, Changes: 3}, "0s  50.0% sent 0 (0/s) replies 0 hit 0.0% drops 0 changes 3"},
	}
	for _, tt := range tests {
		if got := statusLine(tt.in); got != tt.want {
			t.Errorf("%+v:\n%s\n%s is wanted", tt.in, got, tt.want)
		}
	}
}

// shown gives the events of a run to the console.
func shown(c *console) {
	c.Event(observe.Began{})
	c.Event(observe.Notice("a notice"))
	c.Progress(observe.Progress{Elapsed: 1000 * time.Second})
	c.Progress(observe.Progress{})
	c.Event(observe.Warning("a warning"))
	c.Event(observe.Excluded{Err: errors.New("no such file")})
	c.Progress(observe.Progress{})
	c.Event(observe.Stopping{Cause: run.ErrInterrupted})
	c.Progress(observe.Progress{})
	c.Event(observe.Finished{Summary: &record.Summary{Reason: record.ReasonSignal}, Seed: "s"})
	c.clear()
}

func TestConsole(t *testing.T) {
	const (
		status = "0s   0.0% sent 0 (0/s) replies 0 hit 0.0% drops 0 ETA 0s\n"
		before = "16m40s   0.0% sent 0 (0/s) replies 0 hit 0.0% drops 0 ETA 0s\n"
		alert  = "masstrace: a warning\nmasstrace: the exclusions could not be read again and stay the same: no such file\n"
		notice = "a notice\n"
		stop   = "interrupted: sending has stopped, waiting for replies\npress Ctrl-C again to quit now\n"
		end    = "\nincomplete: stopped by a signal\nseed: s\n"
	)
	tests := []struct {
		name            string
		terminal, quiet bool
		want            string // up to the summary
	}{
		{"log", false, false, notice + before + status + alert + status + stop + status},
		{"terminal", true, false, notice + alert + stop},
		{"quiet log", false, true, alert},
		{"quiet terminal", true, true, alert},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := terminaltest.New(120)
			shown(&console{out: out, terminal: tt.terminal, quiet: tt.quiet})
			if out.Cut > 0 || out.Unknown != nil {
				t.Errorf("%d characters cut, unknown sequences %q", out.Cut, out.Unknown)
			}
			got, isSummed := strings.CutSuffix(out.Text(), end)
			got, table, _ := strings.Cut(got, "lost by us ")
			if strings.TrimRight(got, " ") != tt.want || isSummed == tt.quiet || (table == "") != tt.quiet {
				t.Errorf("%q\n%q is wanted; summary %v", got, tt.want, isSummed)
			}
		})
	}
}

// Messages stand above the display, which is whole after each of them, in any order and with the
// results on the same terminal.
func TestDisplayBelowMessages(t *testing.T) {
	t.Setenv("TERM", "linux")
	random := rand.New(rand.NewPCG(effort.Seed(t), 0))
	for range effort.Count(20, 2000) {
		out := terminaltest.New(80)
		c := &console{out: out, terminal: true, name: "scan", ends: new(progress.Ends)}
		var want strings.Builder
		isShown := false
		for i := range 1 + random.IntN(30) {
			text := strings.Repeat(fmt.Sprintf("message %d ", i), 1+random.IntN(5))
			text = text[:min(len(text), 79)]
			switch random.IntN(5) {
			case 0:
				c.line(text)
			case 1:
				c.Event(observe.Warning(text))
				text = "masstrace: " + text
				if len(text) > 80 { // which the terminal breaks
					text = text[:80] + "\n" + text[80:]
				}
			case 2:
				if err := c.results(out, []byte(text+"\n")); err != nil {
					t.Fatal(err)
				}
			default:
				c.Progress(observe.Progress{Elapsed: time.Duration(i) * time.Second, Sent: uint64(i), Share: 0.5})
				isShown = true
				continue
			}
			want.WriteString(strings.TrimRight(text, " ") + "\n")
		}
		rest, ok := strings.CutPrefix(out.Text(), want.String())
		if isShown {
			ok = ok && regexp.MustCompile(`^scan  \[#+-+\] +50.0 %.*\n +sent .*\n +replies .*\n +drops .*\n$`).MatchString(rest)
		}
		if !ok || out.Unknown != nil {
			t.Fatalf("the terminal has\n%s\nwant\n%s\nand the display; unknown sequences %q", out.Text(), want.String(), out.Unknown)
		}
		c.clear()
		if got := out.Text(); got != want.String() && want.Len() > 0 {
			t.Fatalf("after the display the terminal has\n%s\nwant\n%s", got, want.String())
		}
	}
}

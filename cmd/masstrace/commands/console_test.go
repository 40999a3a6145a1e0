package commands

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
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
	}
	for _, tt := range tests {
		if got := statusLine(tt.in, 0); got != tt.want {
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
		status = "0s   0.0% sent 0 (0/s) replies 0 hit 0.0% drops 0 ETA 0s"
		before = "16m40s   0.0% sent 0 (0/s) replies 0 hit 0.0% drops 0 ETA 0s"
		alert  = "masstrace: a warning\nmasstrace: the exclusions could not be read again and stay the same: no such file\n"
		notice = "a notice\n"
		stop   = "interrupted: sending has stopped, waiting for replies\npress Ctrl-C again to quit now\n"
		end    = "\nincomplete: stopped by a signal\nseed: s\n"
		wipe   = "\r\x1b[K"
	)
	tests := []struct {
		name            string
		terminal, quiet bool
		want            string // up to the summary
	}{
		{"log", false, false, notice + before + "\n" + status + "\n" + alert + status + "\n" + stop + status + "\n"},
		{"terminal", true, false, notice + wipe + before + wipe + status + wipe + alert + wipe + status + wipe + stop + wipe + status + wipe},
		{"quiet log", false, true, alert},
		{"quiet terminal", true, true, alert},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			shown(&console{out: &out, terminal: tt.terminal, quiet: tt.quiet})
			got, isSummed := strings.CutSuffix(out.String(), end)
			got, table, _ := strings.Cut(got, "lost by us ")
			if strings.TrimRight(got, " ") != tt.want || isSummed == tt.quiet || (table == "") != tt.quiet {
				t.Errorf("%q\n%q is wanted; summary %v", got, tt.want, isSummed)
			}
		})
	}
}

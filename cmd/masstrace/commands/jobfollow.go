package commands

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/client"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/progress"
)

// followEvery is the time between looks at a job.
const followEvery = time.Second

// follower shows the progress of a job. A terminal gets a display, which stays there at the end. A log
// gets a line a minute, and one with each news.
type follower struct {
	screen  *console
	display *progress.Display
	lines   []string // of the display; nil if there is none
	next    time.Time
	news    string // the notes of the last plain line
}

func newFollower(screen *console) *follower {
	return &follower{screen: screen, display: progress.New(screen.out)}
}

// followJob shows the progress of a job until it is done.
func followJob(ctx context.Context, hub *client.Client, name string, screen *console) error {
	f := newFollower(screen)
	defer f.leave()
	away := ""
	for {
		j, agents, err := hub.JobOf(ctx, name)
		_, refused := errors.AsType[talk.Refusal](err)
		switch {
		case ctx.Err() != nil:
		case refused:
			return err
		case err != nil:
			if err.Error() != away { // the hub may come back
				f.leave()
				screen.line(err.Error())
			}
			away = err.Error()
		default:
			away = ""
			f.show(j, agents, time.Now())
			if j.Done >= j.Slices {
				return nil
			}
			if j.Job.Canceled {
				return exitStatus(statusPartial)
			}
		}
		timer := time.NewTimer(followEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return errors.New("stopped by a signal; the job goes on: to end it, use masstrace cancel")
		case <-timer.C:
		}
	}
}

// show shows the state of the job.
func (f *follower) show(j *talk.JobState, agents []talk.AgentState, now time.Time) {
	over := j.Done >= j.Slices || j.Job.Canceled
	if f.screen.terminal {
		columns, rows := sizeOf(f.screen.out)
		f.draw(progressLines(j, agents, now, max(columns-1, 0)), rows)
		return
	}
	news := strings.Join(jobNotes(j), "; ")
	if !over && now.Before(f.next) && news == f.news {
		return
	}
	f.news, f.next = news, now.Add(logEvery)
	f.screen.line(progressText(j))
}

// draw shows lines in place of those before, on a terminal with so many rows; 0 is any number.
func (f *follower) draw(lines []string, rows int) {
	if rows > 0 {
		lines = lines[:min(len(lines), max(rows-1, 1))]
	}
	f.lines = nil
	for _, line := range lines {
		f.lines = append(f.lines, plaintext.Line(line))
	}
	f.screen.write(func() { f.display.Show(f.lines) })
}

// leave leaves the last lines on the terminal, without a ^C that was typed there: others come below.
func (f *follower) leave() {
	if f.lines == nil {
		return
	}
	f.screen.write(func() {
		f.display.Show(f.lines)
		f.display.Leave()
	})
	f.lines = nil
}

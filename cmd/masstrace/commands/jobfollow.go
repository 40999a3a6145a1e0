package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/client"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/plaintext"
)

// followEvery is the time between looks at a job.
const followEvery = time.Second

// follower shows the progress of a job. On a terminal, its lines replace those before. A log gets
// a line a minute, and one with each news.
type follower struct {
	screen *console
	lines  int // on the terminal now
	next   time.Time
	news   string // the notes of the last plain line
}

// followJob shows the progress of a job until it is done.
func followJob(ctx context.Context, hub *client.Client, name string, screen *console) error {
	f := &follower{screen: screen}
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
				f.forget()
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
		f.replace(progressLines(j, agents, now, max(columnsOf(f.screen.out)-1, 0)))
		return
	}
	news := strings.Join(jobNotes(j), "; ")
	if !over && now.Before(f.next) && news == f.news {
		return
	}
	f.news, f.next = news, now.Add(logEvery)
	f.screen.line(progressText(j))
}

// replace writes lines in the place of those before (ECMA-48: CUU, ED).
func (f *follower) replace(lines []string) {
	f.screen.write(func() {
		if f.lines > 0 {
			fmt.Fprintf(f.screen.out, "\r\x1b[%dA\x1b[J", f.lines)
		}
		for _, line := range lines {
			fmt.Fprintln(f.screen.out, plaintext.Line(line))
		}
	})
	f.lines = len(lines)
}

// forget leaves the lines on the terminal: others come below.
func (f *follower) forget() { f.lines = 0 }

package commands

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/tabular"
)

// writeJobs prints tables of jobs and agents. Notes are wrapped at width characters; 0 is any
// width.
func writeJobs(w io.Writer, reply *talk.JobsReply, now time.Time, width int) error {
	jobs := tabular.Table{Columns: "llllrrl", Head: []string{"job", "by", "state", "slices", "targets", "answered", "number"}}
	shares := tabular.Table{Columns: "llrrrr", Head: []string{"job", "agent", "slices", "now", "probes", "rate"}}
	notes := tabular.Table{Columns: "ll", Width: width}
	for i := range reply.Jobs {
		j := &reply.Jobs[i]
		name := j.Job.Spec.Name
		jobs.Add(name, j.Job.Submitter, stateOf(j), fmt.Sprintf("%d/%d", j.Done, j.Slices), tabular.Count(j.Targets),
			tabular.Percent(j.Answered, j.Sent), j.Job.ID)
		for _, agent := range sortedKeys(j.ByAgent) {
			s := j.ByAgent[agent]
			probes := ""
			if s.Now > 0 {
				probes = tabular.Count(s.Sent)
			}
			shares.Add(name, agent, fmt.Sprint(s.Done), fmt.Sprint(s.Now), probes, ppsWords(s.Rate))
		}
		for _, text := range jobNotes(j) {
			notes.Add(name, text)
		}
	}
	agents := tabular.Table{Columns: "llllrl", Head: []string{"agent", "state", "place", "AS", "waiting", "clock"}}
	for i := range reply.Agents {
		a := &reply.Agents[i]
		agents.Add(a.Name, presence(a, now), a.Location, a.AS, fmt.Sprint(a.Stored), clockWords(a.OffsetNS, a.ErrorNS))
		if a.Trouble != "" {
			notes.Add(a.Name, a.Trouble)
		}
	}
	if reply.Results != "" {
		notes.Add("hub", "keeps results in "+reply.Results)
	}
	for i, t := range []*tabular.Table{&jobs, &shares, &agents, &notes} {
		if len(t.Rows) == 0 {
			if i == 0 {
				if _, err := io.WriteString(w, "no job was submitted yet\n"); err != nil {
					return err
				}
			}
			continue
		}
		if i > 0 {
			if _, err := io.WriteString(w, "\n"); err != nil {
				return err
			}
		}
		if err := t.WriteText(w); err != nil {
			return err
		}
	}
	return nil
}

// stateOf returns the state of a job in one word.
func stateOf(j *talk.JobState) string {
	switch {
	case j.Job.Canceled:
		return "cancelled"
	case j.Done >= j.Slices:
		return "done"
	case j.Trouble != "":
		return "in trouble"
	}
	for _, s := range j.ByAgent {
		if s.Now > 0 {
			return "running"
		}
	}
	return "waiting"
}

// jobNotes returns trouble, refusals and failures of a job.
func jobNotes(j *talk.JobState) (notes []string) {
	if j.Trouble != "" {
		notes = append(notes, j.Trouble)
	}
	for _, name := range sortedKeys(j.Refusals) {
		notes = append(notes, name+" refuses: "+j.Refusals[name])
	}
	for _, name := range sortedKeys(j.Failures) {
		notes = append(notes, name+" failed: "+j.Failures[name])
	}
	return notes
}

// presence returns whether the hub hears an agent.
func presence(a *talk.AgentState, now time.Time) string {
	switch {
	case a.Connected:
		return "connected"
	case a.Seen.IsZero():
		return "not seen yet"
	}
	return "gone for " + max(now.Sub(a.Seen), 0).Round(time.Second).String()
}

// clockWords returns the offset of a clock from that of the hub.
func clockWords(offset, most int64) string {
	if most == 0 {
		return "not measured"
	}
	return fmt.Sprintf("%.3f ms ± %.3f", float64(offset)/1e6, float64(most)/1e6)
}

// ppsWords returns a rate in probes per second.
func ppsWords(pps float64) string {
	if pps == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f/s", pps)
}

// Parts of the progress of a job on a terminal.
const (
	barWidth   = 24 // characters
	mostAgents = 20 // lines; the rest is one more
)

// progressLines returns the progress of a job: one line for the whole, and one for each agent. A
// line has at most width characters; 0 is any width.
func progressLines(j *talk.JobState, agents []talk.AgentState, now time.Time, width int) (lines []string) {
	part, sent := float64(j.Done), j.Sent
	for _, s := range j.ByAgent {
		part += s.Part
		sent += s.Sent
	}
	share := min(part/float64(max(j.Slices, 1)), 1)
	full := int(share * barWidth)
	lines = append(lines, fmt.Sprintf("%s  [%s%s] %3.0f %%  %d of %d slices  %s probes  %s", j.Job.Spec.Name, strings.Repeat("#", full),
		strings.Repeat("-", barWidth-full), 100*share, j.Done, j.Slices, tabular.Count(sent), stateOf(j)))
	t := tabular.Table{Columns: "lrl", Indent: "  "}
	more := 0
	for i := range agents {
		a := &agents[i]
		s, takesPart := j.ByAgent[a.Name]
		if !takesPart && j.Refusals[a.Name] == "" {
			continue
		}
		if len(t.Rows) == mostAgents {
			more++
			continue
		}
		t.Add(a.Name, fmt.Sprintf("%d done", s.Done), activity(j, a, s, now))
	}
	var b strings.Builder
	if t.WriteText(&b) == nil && b.Len() > 0 {
		lines = append(lines, strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")...)
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more agents", more))
	}
	if j.Trouble != "" {
		lines = append(lines, "  "+j.Trouble)
	}
	for i, line := range lines {
		if r := []rune(line); width > 0 && len(r) > width {
			lines[i] = string(r[:width])
		}
	}
	return lines
}

// activity returns the work of an agent for a job.
func activity(j *talk.JobState, a *talk.AgentState, s talk.Share, now time.Time) string {
	switch {
	case j.Refusals[a.Name] != "":
		return "refuses: " + j.Refusals[a.Name]
	case !a.Connected:
		return presence(a, now)
	case s.Now > 0 && a.Stored > 0:
		return fmt.Sprintf("%s; waiting for the hub: %d", traceWords(s), a.Stored)
	case s.Now > 0:
		return traceWords(s)
	case j.Failures[a.Name] != "":
		return "failed: " + j.Failures[a.Name]
	}
	return "idle"
}

// traceWords returns how far an agent is with its slices.
func traceWords(s talk.Share) string {
	text := fmt.Sprintf("traces, %.0f %% of the slice", 100*s.Part/float64(s.Now))
	if s.Rate > 0 {
		text += ", at most " + ppsWords(s.Rate)
	}
	return text
}

// progressText returns the progress of a job in one plain line.
func progressText(j *talk.JobState) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d of %d slices, %s probes, %s answered", j.Job.Spec.Name, j.Done, j.Slices, tabular.Count(j.Sent), tabular.Count(j.Answered))
	if j.Job.Canceled {
		b.WriteString(", cancelled")
	}
	for _, name := range sortedKeys(j.ByAgent) {
		fmt.Fprintf(&b, "; %s %d", name, j.ByAgent[name].Done)
	}
	for _, note := range jobNotes(j) {
		b.WriteString("; " + note)
	}
	return b.String()
}

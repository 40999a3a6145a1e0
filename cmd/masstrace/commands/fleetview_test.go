package commands

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/masstrace/masstrace/internal/fleet/agent"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/progress/terminaltest"
)

var fleetNow = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// fleetReply is a hub with three agents: one traces, one is gone, one refuses.
func fleetReply() *talk.JobsReply {
	j := talk.JobState{
		Job:    job.Job{ID: "20261130T051543Z-54985029", Submitter: "alice", Spec: job.Spec{Name: "monday"}},
		Slices: 16, Done: 4, Targets: 2648, Sent: 36000, Answered: 27000, InForce: 3750,
		Refusals: map[string]string{"tokyo": "the policy does not allow method udp"},
		ByAgent:  map[string]talk.Share{"paris": {Done: 3, Now: 1, Rate: 3750, Part: 0.5, Sent: 4500}, "lima": {Done: 1}},
	}
	return &talk.JobsReply{Total: 1, Jobs: []talk.JobState{j}, Agents: []talk.AgentState{
		{Name: "lima", Seen: fleetNow.Add(-time.Minute), Stored: 1, OffsetNS: -120e6, ErrorNS: 4e6, Trouble: "send results: no space left on device"},
		{Name: "paris", Connected: true, Seen: fleetNow, Location: "Paris", AS: "AS64500", OffsetNS: 1.5e6, ErrorNS: 2e5},
		{Name: "tokyo"},
	}}
}

func TestWriteJobs(t *testing.T) {
	const want = `job     by     state    slices  targets  answered  number
monday  alice  running  4/16      2,648   75.00 %  20261130T051543Z-54985029

job     agent  slices  now  probes    rate
monday  lima        1    0
monday  paris       3    1   4,500  3750/s

agent  state          place  AS       waiting  clock
lima   gone for 1m0s                        1  -120.000 ms ± 4.000
paris  connected      Paris  AS64500        0  1.500 ms ± 0.200
tokyo  not seen yet                         0  not measured

monday  tokyo refuses: the policy does not allow method udp
lima    send results: no space left on device
`
	var b strings.Builder
	if err := writeJobs(&b, fleetReply(), fleetNow, 80); err != nil || b.String() != want {
		t.Errorf("%v, got\n%swant\n%s", err, b.String(), want)
	}
}

func TestProgressLines(t *testing.T) {
	const want = `monday  [######------------------]  28 %  4 of 16 slices  40,500 probes  running
  lima   1 done  gone for 1m0s
  paris  3 done  traces, 50 % of the slice, at most 3750/s
  tokyo  0 done  refuses: the policy does not allow method udp`
	r := fleetReply()
	if got := strings.Join(progressLines(&r.Jobs[0], r.Agents, fleetNow, 200), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for range 100 {
		r.Agents = append(r.Agents, r.Agents[1])
	}
	lines := progressLines(&r.Jobs[0], r.Agents, fleetNow, 40)
	if len(lines) != mostAgents+2 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > 40 {
			t.Errorf("%q is wider than 40 characters", line)
		}
	}
}

// A terminal gets lines that replace each other; a log gets a line at the begin, with news, and at
// the end.
func TestFollower(t *testing.T) {
	r := fleetReply()
	j := r.Jobs[0]
	j.Refusals = nil
	var b strings.Builder
	f := newFollower(&console{out: &b})
	f.show(&j, r.Agents, fleetNow)
	f.show(&j, r.Agents, fleetNow.Add(time.Second))
	j.Refusals = r.Jobs[0].Refusals
	f.show(&j, r.Agents, fleetNow.Add(2*time.Second))
	j.Done = j.Slices
	f.show(&j, r.Agents, fleetNow.Add(3*time.Second))
	const want = `monday: 4 of 16 slices, 36,000 probes, 27,000 answered; lima 1; paris 3
monday: 4 of 16 slices, 36,000 probes, 27,000 answered; lima 1; paris 3; tokyo refuses: the policy does not allow method udp
monday: 16 of 16 slices, 36,000 probes, 27,000 answered; lima 1; paris 3; tokyo refuses: the policy does not allow method udp
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	terminal := terminaltest.New(80)
	c := &console{out: terminal, terminal: true}
	f = newFollower(c)
	lines := strings.Join(progressLines(&j, r.Agents, fleetNow, 0), "\n") + "\n"
	for range 2 {
		f.show(&j, r.Agents, fleetNow)
	}
	if got := terminal.Text(); got != lines {
		t.Errorf("got\n%swant\n%s", got, lines)
	}
	_, _ = terminal.Write([]byte("^C"))
	f.leave()
	c.line("the hub is away")
	f.show(&j, r.Agents, fleetNow)
	f.leave()
	if got, want := terminal.Text(), lines+"the hub is away\n"+lines; got != want || terminal.Unknown != nil {
		t.Errorf("unknown sequences %q, got\n%swant\n%s", terminal.Unknown, got, want)
	}
	f.draw([]string{"a", "b", "c"}, 3)
	if len(f.lines) != 2 {
		t.Errorf("%d lines on a terminal of 3", len(f.lines))
	}
}

func TestWriteAgent(t *testing.T) {
	const want = `agent    paris
state    connected to the hub
traces   slice 4 of job monday for alice, by udp, since 12:00:00
         50 % of the slice, 4,500 probes, 3,000 answered, at most 3750/s
waiting  0 finished slices that the hub does not have yet
clock    1.500 ms ± 0.200 against the hub
refused  job 1: the policy does not allow method tcp-syn

traced since the agent began:
job     for    method  slices  probes  last
monday  alice  udp          3  27,000  2026-11-30 12:00:00
`
	s := &agent.Status{
		Name: "paris", Written: fleetNow, Heard: fleetNow, Connected: true, OffsetNS: 1.5e6, ErrorNS: 2e5, Refused: map[string]string{"1": "the policy does not allow method tcp-syn"},
		Running: &agent.RunningStatus{Job: "monday", Submitter: "alice", Method: "udp", Slice: 3, Since: fleetNow, Sent: 4500, Answered: 3000, Share: 0.5, RatePPS: 3750},
		Done:    []agent.DoneStatus{{Job: "monday", Submitter: "alice", Method: "udp", Slices: 3, Sent: 27000, Last: fleetNow}},
	}
	var b strings.Builder
	if err := writeAgent(&b, s, fleetNow, 80); err != nil || b.String() != want {
		t.Errorf("%v, got\n%swant\n%s", err, b.String(), want)
	}
	for state, change := range map[string]func(){
		"no answer from the hub since 11:59:00": func() { s.Heard = fleetNow.Add(-time.Minute) },
		"not connected to the hub":              func() { s.Connected = false },
		"not running since 2026-11-30 11:00:00": func() { s.Written = fleetNow.Add(-time.Hour) },
	} {
		was := *s
		change()
		b.Reset()
		if err := writeAgent(&b, s, fleetNow, 80); err != nil || !strings.Contains(b.String(), "state    "+state+"\n") {
			t.Errorf("want %q: %v\n%s", state, err, b.String())
		}
		*s = was
	}
}

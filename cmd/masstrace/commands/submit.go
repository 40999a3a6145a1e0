package commands

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/client"
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/job"
	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/target"
)

// HubFlags name the hub of a submitter.
type HubFlags struct {
	Creds string `required:"" placeholder:"FILE" complete:"file" help:"Credentials file from the owner of the hub, mode 0600. Default: none, it is needed."`
	Hub   string `placeholder:"URL" help:"URL of the hub. Default: that of the credentials file."`
}

// open connects to the hub.
func (c *HubFlags) open(ctx context.Context) (*client.Client, error) {
	file, err := creds.Load(c.Creds)
	if err != nil {
		return nil, err
	}
	return client.Open(ctx, file, c.Hub, tool())
}

// SubmitCmd submits a job to a fleet.
type SubmitCmd struct {
	Targets []string `arg:"" optional:"" complete:"file" help:"Addresses, prefixes, ranges (192.0.2.7-192.0.2.9), or files with one of them per line; - is standard input."`

	HubFlags `group:"Job"`
	Name     string `group:"Job" required:"" placeholder:"NAME" help:"Name of the job: lower-case letters, digits and hyphens. Default: none, it is needed."`
	Mode     string `group:"Job" default:"split" enum:"split,every,assigned" placeholder:"MODE" help:"split: each target once, by any agent. every: all agents trace all targets. assigned: --assign gives each agent its targets. Default: ${default}."`
	Agents   string `group:"Job" default:"*" placeholder:"PATTERNS" help:"Agents that may take part: names or patterns as of a shell, separated by commas. Default: ${default}, all agents."`
	Assign   string `group:"Job" placeholder:"FILE" complete:"file" help:"File with an agent and an address, a prefix or a range per line, for --mode assigned. Default: none."`
	Slices   count  `group:"Job" placeholder:"N" help:"Number of slices, each of which one agent traces. Default: enough for about 30 s each, and 16 for each agent."`
	Follow   bool   `group:"Job" help:"Print the progress until the job is done."`
	Records  string `group:"Job" default:"trace" enum:"trace,reply,both" placeholder:"KIND" help:"Data records: trace, reply or both. Default: ${default}."`

	TargetFlags   `kong:"group='Targets',set='reread= They are read once, for the whole job.',set='lookup4=',set='lookup6='"`
	ProbeFlags    `group:"Probes"`
	StrategyFlags `group:"Strategy"`
	PaceFlags     `kong:"group='Pace',set='rates=Probes per second of all agents together, also with K or M.'"`
}

// Validate checks conditions that kong cannot.
func (c *SubmitCmd) Validate() error {
	switch {
	case c.Rate == autoRate || c.Rate == 0:
		return errors.New("--rate must be a number above 0: all agents share it")
	case c.Mode == "assigned" && c.Assign == "":
		return errors.New("--mode assigned needs --assign FILE")
	case c.Mode != "assigned" && c.Assign != "":
		return errors.New("--assign needs --mode assigned")
	case c.Assign != "" && len(c.Targets) > 0:
		return errors.New("--assign cannot be combined with targets")
	case c.Assign == "" && len(c.Targets) == 0 && len(c.FromResults) == 0:
		return errors.New("no targets: give addresses, prefixes or files")
	}
	scan := c.scan()
	if c.Assign != "" {
		scan.Targets = []string{"-"} // to pass a check
	}
	return scan.Validate()
}

// scan returns the scan that the options describe.
func (c *SubmitCmd) scan() *ScanCmd {
	s := &ScanCmd{
		Targets: c.Targets, TargetFlags: c.TargetFlags, ProbeFlags: c.ProbeFlags, StrategyFlags: c.StrategyFlags, PaceFlags: c.PaceFlags,
	}
	s.Records, s.Senders, s.LinkWait, s.ReceiveBuffer = c.Records, 1, timespan(time.Second), 64<<10
	return s
}

// Run submits the job.
func (c *SubmitCmd) Run(ctx context.Context, signals *signals, s streams) error {
	asked, err := c.scan().planConfig(s.Stdin)
	if err != nil {
		return err
	}
	spec := &job.Spec{Name: c.Name, Mode: job.Mode(c.Mode), Agents: c.Agents, Slices: int(c.Slices), Options: job.OptionsOf(&asked), Key: c.Key}
	ctx, cancel := stopped(ctx, signals)
	defer cancel()
	lists, err := c.lists(ctx, spec, s.Stdin)
	if err != nil {
		return err
	}
	hub, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer hub.Close()
	for _, digest := range slices.Sorted(maps.Keys(lists)) {
		if _, err := hub.List(ctx, lists[digest]); err != nil {
			return err
		}
	}
	j, err := hub.Submit(ctx, spec)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(plaintext.NewWriter(s.Stdout), j.ID); err != nil {
		return err
	}
	if !c.Follow {
		return nil
	}
	return followJob(ctx, hub, j.ID, newConsole(s, false))
}

// lists reads the lists of the job, and enters their digests.
func (c *SubmitCmd) lists(ctx context.Context, spec *job.Spec, stdin io.Reader) (map[string][]byte, error) {
	all := map[string][]byte{}
	add := func(l *target.Lines) string {
		var text []byte
		for part := range l.Text(1 << 20) {
			text = append(text, part...)
		}
		digest := job.Digest(text)
		all[digest] = text
		return digest
	}
	if c.Assign != "" {
		each, err := c.assignments()
		if err != nil {
			return nil, err
		}
		spec.Assigned = map[string]string{}
		for agent, lines := range each {
			spec.Assigned[agent] = add(lines)
		}
	} else {
		lists, err := intake.Read(ctx, intake.Config{
			Args: c.Targets, Stdin: stdin, Column: c.Column, Results: c.FromResults, Where: c.Where, Family: c.family(), Names: intake.System(),
		})
		if err != nil {
			return nil, plan.ListError("Targets", err)
		}
		spec.Targets = add(lists.Lines)
	}
	if len(c.Exclude) > 0 {
		lists, err := intake.Read(ctx, intake.Config{Args: c.Exclude, Stdin: stdin})
		if err != nil {
			return nil, plan.ListError("Exclude", err)
		}
		spec.Exclude = add(lists.Lines)
	}
	return all, nil
}

// assignments reads the file of mode assigned.
func (c *SubmitCmd) assignments() (map[string]*target.Lines, error) {
	f, err := os.Open(c.Assign)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	each := map[string]*bytes.Buffer{}
	err = target.EachLine(c.Assign, f, func(line string, _ int) error {
		words := strings.Fields(line)
		if len(words) != 2 {
			return errors.New("want an agent and its target")
		}
		if each[words[0]] == nil {
			each[words[0]] = new(bytes.Buffer)
		}
		each[words[0]].WriteString(words[1] + "\n")
		return nil
	})
	if err != nil {
		return nil, plan.ListError("Assign", err)
	}
	lists := map[string]*target.Lines{}
	for agent, text := range each {
		lists[agent] = new(target.Lines)
		if err := lists[agent].Read(c.Assign+", targets of "+agent, text); err != nil {
			return nil, plan.ListError("Assign", err)
		}
	}
	return lists, nil
}

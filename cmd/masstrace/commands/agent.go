package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/masstrace/masstrace/internal/fleet/agent"
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/policy"
	"github.com/masstrace/masstrace/internal/fleet/probing"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/tabular"
)

// AgentCmd is a vantage point of a fleet.
type AgentCmd struct {
	Action string `arg:"" optional:"" default:"run" enum:"run,status" help:"run: serve the hub until a signal. status: print what runs here, and for whom. Default: run."`

	Creds  string `group:"Agent" placeholder:"FILE" complete:"file" help:"Credentials file from the owner of the hub, mode 0600. Default: none, but run needs one."`
	Hub    string `group:"Agent" placeholder:"URL" help:"URL of the hub. Default: that of the credentials file."`
	Policy string `group:"Agent" placeholder:"FILE" complete:"file" help:"Rules of the owner: methods, ports, rate, hours, submitters, targets and exclusions. They bind whatever the hub asks for. Default: none, all is allowed."`
	Store  string `group:"Agent" default:"masstrace-agent" placeholder:"DIR" complete:"file" help:"Folder for results until the hub has them. It is made if it is missing. Default: ${default}."`

	LinkFlags `group:"Link"`
}

// Validate checks conditions that kong cannot.
func (c *AgentCmd) Validate() error {
	switch {
	case c.Action == "run" && c.Creds == "":
		return errors.New("--creds is needed: the owner of the hub makes the file by masstrace hub add-agent NAME")
	case c.Senders < 1 || c.Senders > mostSenders:
		return fmt.Errorf("--senders must be within 1 to %d", mostSenders)
	case c.IO == "xdp" && c.NoBypass:
		return errors.New("--no-bypass cannot be combined with --io xdp, whose frames never use the queue")
	case c.LinkWait <= 0:
		return errors.New("--link-wait must be more than 0")
	case c.ReceiveBuffer < 64<<10 || c.ReceiveBuffer > 1<<30:
		return errors.New("--receive-buffer must be within 64K to 1G")
	}
	return checkSources(c.Source)
}

// Run serves the hub, or prints the status.
func (c *AgentCmd) Run(ctx context.Context, signals *signals, s streams) error {
	if c.Action == "status" {
		return c.status(plaintext.NewWriter(s.Stdout), columnsOf(s.Stdout))
	}
	file, err := creds.Load(c.Creds)
	if err != nil {
		return err
	}
	var rules *policy.Policy
	if c.Policy != "" {
		if rules, err = policy.Read(c.Policy); err != nil {
			return plan.ListError("Policy", err)
		}
	}
	if err := errors.Join(link.MayCapture(), link.MayRenounce()); err != nil {
		return link.Permission(err)
	}
	addProcessors(int(c.Senders))
	ctx, cancel := stopped(ctx, signals)
	defer cancel()
	screen := newConsole(s, false)
	return agent.Run(ctx, agent.Config{
		Creds: file, URL: c.Hub, Dir: c.Store, Policy: rules, Software: tool(), Hostname: plan.Hostname(), Event: screen.line,
		Prober: &probing.Prober{
			Link:   c.linkConfig(),
			Config: plan.Config{Sources: addresses(c.Source), Senders: int(c.Senders)},
			Tool:   tool(), Argv: []string{"masstrace", "agent"},
			// The next slice opens sockets again; the rest is given up for good.
			Opened: renounce(cap.NET_RAW, cap.DAC_OVERRIDE),
		},
	})
}

// statusOld is after how long a status is that of an agent that has ended.
const statusOld = 5 * time.Second

// status prints what an agent does, and for whom.
func (c *AgentCmd) status(w io.Writer, width int) error {
	s, err := agent.ReadStatus(c.Store)
	if err != nil {
		return fmt.Errorf("no agent has run with this folder: %w", err)
	}
	return writeAgent(w, s, time.Now(), width)
}

// writeAgent prints the status of an agent.
func writeAgent(w io.Writer, s *agent.Status, now time.Time, width int) error {
	about := tabular.Table{Columns: "ll", Width: width}
	state := "connected to the hub"
	switch {
	case now.Sub(s.Written) > statusOld:
		state = "not running since " + s.Written.Format(time.DateTime)
	case !s.Connected:
		state = "not connected to the hub"
	case s.Written.Sub(s.Heard) > statusOld: // a network that loses everything closes no connection
		state = "no answer from the hub since " + timeOf(s.Heard)
	}
	about.Add("agent", s.Name)
	about.Add("state", state)
	if s.Trouble != "" {
		about.Add("trouble", s.Trouble)
	}
	if r := s.Running; r != nil {
		about.Add("traces", fmt.Sprintf("slice %d of job %s for %s, by %s, since %s", r.Slice+1, r.Job, r.Submitter, r.Method, r.Since.Format(time.TimeOnly)))
		about.Add("", fmt.Sprintf("%.0f %% of the slice, %s probes, %s answered, at most %.0f/s",
			100*r.Share, tabular.Count(r.Sent), tabular.Count(r.Answered), r.RatePPS))
	} else {
		about.Add("traces", "nothing now")
	}
	about.Add("waiting", fmt.Sprintf("%d finished slices that the hub does not have yet", s.Stored))
	about.Add("clock", clockWords(s.OffsetNS, s.ErrorNS)+" against the hub")
	for _, id := range sortedKeys(s.Refused) {
		about.Add("refused", "job "+id+": "+s.Refused[id])
	}
	if err := about.WriteText(w); err != nil || len(s.Done) == 0 {
		return err
	}
	done := tabular.Table{Columns: "lllrrl", Head: []string{"job", "for", "method", "slices", "probes", "last"}}
	for _, d := range s.Done {
		done.Add(d.Job, d.Submitter, d.Method, fmt.Sprint(d.Slices), tabular.Count(d.Sent), d.Last.Format(time.DateTime))
	}
	if _, err := io.WriteString(w, "\ntraced since the agent began:\n"); err != nil {
		return err
	}
	return done.WriteText(w)
}

// timeOf returns the time of day, or that there was none.
func timeOf(t time.Time) string {
	if t.IsZero() {
		return "the agent began"
	}
	return t.Format(time.TimeOnly)
}

// sortedKeys returns the keys of m in order.
func sortedKeys[V any](m map[string]V) (keys []string) {
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func timeNow() time.Time { return time.Now() }

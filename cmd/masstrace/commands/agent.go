package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/masstrace/masstrace/internal/fleet/agent"
	"github.com/masstrace/masstrace/internal/fleet/creds"
	"github.com/masstrace/masstrace/internal/fleet/policy"
	"github.com/masstrace/masstrace/internal/fleet/probing"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/session"
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
		return c.status(plaintext.NewWriter(s.Stdout))
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
			Link: session.Config{
				Interface: c.Interface, GatewayMAC: net.HardwareAddr(c.GatewayMAC),
				IO: session.IO(c.IO), Queue: c.NoBypass, ReceiveBuffer: int(c.ReceiveBuffer), LinkWait: time.Duration(c.LinkWait),
			},
			Config: plan.Config{Sources: addresses(c.Source), Senders: int(c.Senders)},
			Tool:   tool(), Argv: []string{"masstrace", "agent"},
			// The next slice opens sockets again; the rest is given up for good.
			Opened: renounce(cap.NET_RAW, cap.DAC_OVERRIDE),
		},
	})
}

// statusOld is after how long a status is that of an agent that has ended.
const statusOld = 5 * time.Second

// status prints what an agent does.
func (c *AgentCmd) status(w io.Writer) error {
	s, err := agent.ReadStatus(c.Store)
	if err != nil {
		return fmt.Errorf("no agent has run with this folder: %w", err)
	}
	var b strings.Builder
	state := "connected to the hub"
	switch {
	case time.Since(s.Written) > statusOld:
		state = "not running since " + s.Written.Format(time.DateTime)
	case !s.Connected:
		state = "not connected to the hub"
	}
	fmt.Fprintf(&b, "agent %s: %s\n", s.Name, state)
	if s.Trouble != "" {
		fmt.Fprintf(&b, "trouble: %s\n", s.Trouble)
	}
	if r := s.Running; r != nil {
		fmt.Fprintf(&b, "traces for %s: job %s (%s), slice %d, %s, since %s\n", r.Submitter, r.Job, r.ID, r.Slice+1, r.Method, r.Since.Format(time.TimeOnly))
		fmt.Fprintf(&b, "  %.0f probes per second at most, %d sent, %d answered, %.0f %% of the slice\n", r.RatePPS, r.Sent, r.Answered, 100*r.Share)
	} else {
		b.WriteString("traces nothing\n")
	}
	fmt.Fprintf(&b, "segments that the hub does not have yet: %d\n", s.Stored)
	fmt.Fprintf(&b, "clock: %s ahead of that of the hub, within %s\n", time.Duration(s.OffsetNS), time.Duration(s.ErrorNS))
	for _, id := range sortedKeys(s.Refused) {
		fmt.Fprintf(&b, "refused: job %s: %s\n", id, s.Refused[id])
	}
	_, err = io.WriteString(w, b.String())
	return err
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

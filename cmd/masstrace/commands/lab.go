package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/internet"
	"github.com/masstrace/masstrace/internal/lab/management"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
)

// LabCmd runs a command in a network of its own that has no way out.
type LabCmd struct {
	Network string `group:"Network" default:"internet" enum:"internet,routers,routers-limited" placeholder:"NAME" help:"Network on the other side of the link. internet: the simulated Internet. routers: a small network of Linux routers. routers-limited: the same with ICMP rate limits. Default: ${default}."`

	Link          string   `default:"veth" enum:"veth,tun" group:"Simulated Internet" placeholder:"KIND" help:"Kind of link: veth (Ethernet) or tun (IP without Ethernet, needs root). Default: ${default}."`
	Preset        string   `default:"default" group:"Simulated Internet" placeholder:"NAME" complete:"preset" help:"Kind of network, see above; help lists the kinds. Default: ${default}."`
	Set           []string `sep:"none" group:"Simulated Internet" placeholder:"NAME=VALUE" complete:"option" help:"Set an option of the simulated Internet, for example loss-forward=0.05; help lists all options. May be repeated. Default: the options of the preset."`
	NetSeed       *number  `group:"Simulated Internet" placeholder:"N" help:"Number of the simulated Internet; another number gives another network of the same kind. Default: that of the preset."`
	Log           string   `group:"Simulated Internet" placeholder:"FILE" help:"Write every probe and its fate to this file, for masstrace verify. Default: none."`
	Counters      string   `group:"Simulated Internet" placeholder:"FILE" help:"Write the counters of the simulator to this file at the end, as JSON. Default: none."`
	VantagePoints count    `group:"Simulated Internet" default:"1" placeholder:"N" help:"Number of vantage points, 1 to 100. With more than one, each is a network namespace, vp1 to vpN. The command then runs at the hub of a management network. Default: ${default}."`
	State         string   `group:"Simulated Internet" placeholder:"DIR" help:"Folder for the control socket of a lab with several vantage points, so that cut, delay and restore work from outside. Default: they work inside the lab only."`
	Overwrite     bool     `group:"Simulated Internet" help:"Overwrite existing files of --log and --counters. Default: the command does not run if one of them exists."`

	Command []string `arg:"" optional:"" passthrough:"partial" complete:"program" help:"The command and its arguments, after --. Without --: exec, cut, delay or restore, for a running lab; see above."`
}

// labSetups are the networks that lab can build.
func labSetups() []lab.Setup {
	return []lab.Setup{internet.Setup(), routers.Setup(), routers.LimitedSetup()}
}

// Run runs the command; its exit status becomes ours. Signals are the command's.
func (c *LabCmd) Run(signals *signals, s streams, k *kong.Context) error {
	if err := contradictLab(c.Network, k); err != nil {
		return err
	}
	if asked, err := c.list(plaintext.NewWriter(s.Stdout)); asked {
		return err
	}
	if isLabControl(c.Command) {
		return c.control(c.Command)
	}
	command := c.Command
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return &plan.ConfigError{Err: errors.New("no command to run: give one after --, for example masstrace lab -- bash")}
	}
	option, err := c.option()
	if err != nil {
		return explainOption(err)
	}
	if err := findOurselves(); err != nil {
		return err
	}
	signals.handOver()
	if c.VantagePoints > 1 && c.State != "" {
		defer management.Clean(c.State)
	}
	status, err := lab.Run(context.Background(), lab.Config{Setup: c.Network, Option: option, Command: command})
	if err != nil {
		return err
	}
	if status != 0 {
		return exitStatus(status)
	}
	return nil
}

// option returns the options of the network, encoded.
func (c *LabCmd) option() (string, error) {
	if c.Network != internet.Name {
		return "", nil
	}
	if err := c.contradictSet(); err != nil {
		return "", err
	}
	o, err := internet.New(c.Link, c.Preset, (*uint64)(c.NetSeed), c.Set)
	if err != nil {
		return "", err
	}
	if err := c.several(&o); err != nil {
		return "", err
	}
	o.Log, o.Counters, o.Existing = c.Log, c.Counters, outfile.ExistingIf(c.Overwrite)
	text, err := o.Encode()
	for _, path := range []string{c.Log, c.Counters} {
		if err == nil {
			err = outfile.Absent(path, o.Existing)
		}
	}
	return text, err
}

// several sets the options of several vantage points.
func (c *LabCmd) several(o *internet.Options) error {
	switch {
	case c.VantagePoints < 1 || c.VantagePoints > netsim.MaxVantagePoints:
		return fmt.Errorf("--vantage-points must be from 1 to %d", netsim.MaxVantagePoints)
	case c.VantagePoints == 1 && c.State != "":
		return errors.New("--state is for a lab with several --vantage-points")
	case c.VantagePoints == 1:
		return nil
	case c.Link != internet.Veth:
		return fmt.Errorf("--vantage-points cannot be combined with --link %s", c.Link)
	}
	o.Network.VantagePoints, o.State = int(c.VantagePoints), c.State
	return nil
}

// contradictSet returns an error about an option that is set twice.
func (c *LabCmd) contradictSet() error {
	seen := map[string]bool{}
	for _, assignment := range c.Set {
		name, _, _ := strings.Cut(assignment, "=")
		plain := strings.ToLower(strings.ReplaceAll(name, "-", ""))
		switch {
		case seen[plain]:
			return fmt.Errorf("--set %s is given twice", name)
		case plain == "seed" && c.NetSeed != nil:
			return errors.New("--net-seed cannot be combined with --set seed")
		}
		seen[plain] = true
	}
	return nil
}

// findOurselves puts the folder of this program on the PATH of the command.
func findOurselves() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find our own program: %w", err)
	}
	return os.Setenv("PATH", filepath.Dir(self)+string(os.PathListSeparator)+os.Getenv("PATH"))
}

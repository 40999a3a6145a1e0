package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/internet"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/plan"
)

// LabCmd runs a command in a network of its own that has no way out.
type LabCmd struct {
	Network string `default:"internet" enum:"internet,routers,routers-limited" help:"What is behind the link: the simulated internet; routers, a small network of Linux routers; routers-limited, the same with their ICMP limits in force."`

	Link      string   `default:"veth" enum:"veth,tun" group:"Simulated Internet" help:"Kind of link: veth (Ethernet) or tun (plain IP, as root only)."`
	Preset    string   `default:"default" group:"Simulated Internet" placeholder:"NAME" help:"${presets}."`
	Set       []string `sep:"none" group:"Simulated Internet" placeholder:"NAME=VALUE" help:"Option of the simulated Internet, as in package netsim's Config: loss-forward=0.05. May be repeated."`
	NetSeed   *uint64  `group:"Simulated Internet" placeholder:"N" help:"Another simulated Internet of the same kind."`
	Log       string   `group:"Simulated Internet" placeholder:"FILE" help:"Keep a record of every probe, for masstrace verify."`
	Counters  string   `group:"Simulated Internet" placeholder:"FILE" help:"Write the simulator's counters as JSON in the end."`
	Overwrite bool     `group:"Simulated Internet" help:"Empty the files of --log and --counters if they exist. Without it they are kept, and the command does not run."`

	Command []string `arg:"" passthrough:"" help:"The command, after --, and its arguments."`
}

// labSetups are the networks that lab can build.
func labSetups() []lab.Setup {
	return []lab.Setup{internet.Setup(), routers.Setup(), routers.LimitedSetup()}
}

// Run runs the command; its exit status becomes ours. Signals are the command's.
func (c *LabCmd) Run(signals *signals) error {
	command := c.Command
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return &plan.ConfigError{Err: errors.New("no command to run")}
	}
	option, err := c.option()
	if err != nil {
		return &plan.ConfigError{Err: err}
	}
	if err := findOurselves(); err != nil {
		return err
	}
	signals.handOver()
	status, err := lab.Run(context.Background(), lab.Config{Setup: c.Network, Option: option, Command: command})
	if err != nil {
		return err
	}
	if status != 0 {
		return exitStatus(status)
	}
	return nil
}

// option returns what the network is told.
func (c *LabCmd) option() (string, error) {
	if c.Network != internet.Name {
		return "", nil
	}
	o, err := internet.New(c.Link, c.Preset, c.NetSeed, c.Set)
	if err != nil {
		return "", err
	}
	o.Log, o.Counters, o.Existing = c.Log, c.Counters, existing(c.Overwrite)
	return o.Encode()
}

// findOurselves lets the command say "masstrace" wherever we were started from.
func findOurselves() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find our own program: %w", err)
	}
	return os.Setenv("PATH", filepath.Dir(self)+string(os.PathListSeparator)+os.Getenv("PATH"))
}

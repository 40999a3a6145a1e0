package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/masstrace/masstrace/engine"
	"github.com/masstrace/masstrace/lab"
	"github.com/masstrace/masstrace/lab/routers"
)

// LabCmd runs a command in a network of its own that has no way out.
type LabCmd struct {
	Network string `default:"routers" enum:"routers,routers-limited" help:"What is behind the link: routers is a small network of Linux routers; routers-limited leaves their ICMP limits in force."`

	Command []string `arg:"" passthrough:"" help:"The command, after --, and its arguments."`
}

// labSetups are the networks that lab can build.
func labSetups() []lab.Setup {
	return []lab.Setup{routers.Setup(), routers.LimitedSetup()}
}

// exitStatus is the status of a command that ended by itself.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Run runs the command; its exit status becomes ours.
func (c *LabCmd) Run() error {
	command := c.Command
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return &engine.Error{Class: engine.Usage, Err: errors.New("no command to run")}
	}
	if err := findOurselves(); err != nil {
		return err
	}
	status, err := lab.Run(context.Background(), lab.Config{Setup: c.Network, Command: command})
	if err != nil {
		return err
	}
	if status != 0 {
		return exitStatus(status)
	}
	return nil
}

// findOurselves lets the command say "masstrace" wherever we were started from.
func findOurselves() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find our own program: %w", err)
	}
	return os.Setenv("PATH", filepath.Dir(self)+string(os.PathListSeparator)+os.Getenv("PATH"))
}

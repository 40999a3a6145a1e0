package main

import (
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// StrategyFlags say which probes are made of all that could be.
type StrategyFlags struct {
	Strategy   string  `default:"complete" enum:"complete,topology,exhaustive" help:"Which TTLs are probed. complete: as many as whole paths take, by what was answered and how far neighbours are. topology: as many as show the network's interfaces: from near the target back to what is known. exhaustive: all up to the target's distance, or the last."`
	GapLimit   int     `placeholder:"N" help:"complete and topology: so many silent TTLs in a row end a path, or fewer where neighbours say so. Default 5, topology 3."`
	Overlap    int     `placeholder:"N" help:"topology: follow a path back for so many TTLs behind the last interface that was new. Default 3."`
	Stitch     bool    `help:"topology: complete traces, nearer than where the way back ended, by what other traces know; such hops are marked inferred."`
	PerHopRate float64 `placeholder:"PPS" help:"Most probes a second that one router near here has to answer. Where it answers fewer, it is asked little more often than that; what is held back is sent later, or given up when the scan takes half as long again."`
	PrefixRate float64 `placeholder:"PPS" help:"Most probes a second to one /24 (IPv6: /48) of targets."`
	NoStop     bool    `help:"exhaustive: probe all TTLs, also above the distance of a target that has answered."`
}

// validate checks what does not go together.
func (f *StrategyFlags) validate() error {
	switch {
	case f.GapLimit < 0 || f.GapLimit > probe.MaxTTL || f.Overlap < 0 || f.Overlap > probe.MaxTTL:
		return fmt.Errorf("--gap-limit and --overlap must be from 1 to %d", probe.MaxTTL)
	case !(f.PerHopRate >= 0) || !(f.PrefixRate >= 0):
		return errors.New("--per-hop-rate and --prefix-rate must not be negative")
	case f.NoStop && f.Strategy != plan.Exhaustive:
		return errors.New("--no-stop needs --strategy exhaustive")
	case f.GapLimit != 0 && f.Strategy == plan.Exhaustive:
		return errors.New("--gap-limit needs --strategy complete or topology")
	case f.Overlap != 0 && f.Strategy != plan.Topology:
		return errors.New("--overlap needs --strategy topology")
	case f.Stitch && f.Strategy != plan.Topology:
		return errors.New("--stitch needs --strategy topology")
	}
	return nil
}

// strategy translates the flags.
func (f *StrategyFlags) strategy() record.Strategy {
	return record.Strategy{Strategy: f.Strategy, GapLimit: f.GapLimit, Overlap: f.Overlap, Stitch: f.Stitch}
}

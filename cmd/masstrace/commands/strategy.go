package commands

import (
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// StrategyFlags choose probes among all possible ones.
type StrategyFlags struct {
	Strategy   string `default:"complete" enum:"complete,topology,exhaustive" placeholder:"NAME" help:"Choice of TTLs. complete: all TTLs up to the end of each path, few beyond. topology: the TTLs that show new interfaces, from near the target backwards to known interfaces. exhaustive: all TTLs up to the distance of the target, or all if it does not answer. Default: ${default}."`
	GapLimit   count  `placeholder:"N" help:"complete and topology: stop a path after N silent TTLs in a row, or fewer if nearby targets show that the path has ended. Default: 5, topology: 3."`
	Overlap    count  `placeholder:"N" help:"topology: probe N more TTLs backwards after the last new interface. Default: 2."`
	Stitch     bool   `help:"topology: fill the first hops of each trace from other traces. These hops are marked inferred."`
	PerHopRate rate   `placeholder:"PPS" help:"Maximum rate of probes that one nearby router must answer, in probes per second. If a router answers fewer, the rate falls to just above its answer rate. Delayed probes are sent later; they are dropped if they make the scan more than 50 % longer. Default: no limit."`
	PrefixRate rate   `placeholder:"PPS" help:"Maximum rate of probes to one /24 (IPv6: /48) of targets, in probes per second. Default: no limit."`
	NoStop     bool   `help:"exhaustive: also probe TTLs beyond a target that has answered."`
}

// validate checks combinations of flags.
func (f *StrategyFlags) validate() error {
	switch {
	case f.GapLimit > probe.MaxTTL || f.Overlap > probe.MaxTTL:
		return fmt.Errorf("--gap-limit and --overlap must be within 1 to %d", probe.MaxTTL)
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
	return record.Strategy{Strategy: f.Strategy, GapLimit: int(f.GapLimit), Overlap: int(f.Overlap), Stitch: f.Stitch}
}

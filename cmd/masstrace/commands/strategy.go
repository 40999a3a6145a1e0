package commands

import (
	"errors"
	"fmt"

	"github.com/masstrace/masstrace/internal/multipath"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// StrategyFlags choose probes among all possible ones.
type StrategyFlags struct {
	Strategy   string `default:"complete" enum:"complete,topology,multipath,exhaustive" placeholder:"NAME" help:"Choice of TTLs. complete: all TTLs up to the end of each path, few beyond. topology: the TTLs that show new interfaces, from near the target backwards to known interfaces. multipath: as many flows at each TTL as are needed to find all branches of load balancers, with a stated confidence. exhaustive: all TTLs up to the distance of the target, or all if it does not answer. Default: ${default}."`
	GapLimit   count  `placeholder:"N" help:"complete, topology and multipath: stop a path after N silent TTLs in a row. With complete and topology it may be fewer, if nearby targets show that the path has ended. Default: 5, topology: 3."`
	Overlap    count  `placeholder:"N" help:"topology: probe N more TTLs backwards after the last new interface. Default: 3."`
	Stitch     bool   `help:"topology: fill the first hops of each trace from other traces. These hops are marked inferred."`
	PerHopRate rate   `placeholder:"PPS" help:"Maximum rate of probes that one nearby router must answer, in probes per second. If a router answers fewer, the rate falls to just above its answer rate. Delayed probes are sent later; they are dropped if they make the scan more than 50 % longer. Default: no limit."`
	PrefixRate rate   `placeholder:"PPS" help:"Maximum rate of probes to one /24 (IPv6: /48) of targets, in probes per second. Default: no limit."`
	NoStop     bool   `help:"exhaustive: also probe TTLs beyond a target that has answered."`

	Confidence      confidence `placeholder:"P" help:"multipath: probability of finding all branches of a balancer, a number from 0.5 to 0.9999. Default: 0.95."`
	ConfidenceScope scope      `placeholder:"SCOPE" help:"multipath: balancer, or trace: --confidence is then the probability of finding all branches of all balancers to a target. Default: balancer."`
	MDA             variant    `name:"mda" placeholder:"NAME" help:"multipath: variant of the multipath detection algorithm. lite: few probes, and full for targets whose balancers need it. full: the flows of each balancer are counted on their own. Default: lite."`
	MaxBranches     count      `placeholder:"N" help:"multipath: number of branches after which a balancer is not followed further, at most 128. Default: 100."`
	MaxProbes       count      `placeholder:"N" help:"multipath: probes after which a target is given up. Default: no limit."`
	HashFields      bool       `help:"multipath: examine which header fields each balancer hashes."`
	NoBorrow        bool       `help:"multipath: ask the full number of flows at each router, whatever other targets have shown."`
}

// validate checks combinations of flags.
func (f *StrategyFlags) validate() error {
	switch {
	case f.GapLimit > probe.MaxTTL || f.Overlap > probe.MaxTTL:
		return fmt.Errorf("--gap-limit and --overlap must be within 1 to %d", probe.MaxTTL)
	case f.NoStop && f.Strategy != plan.Exhaustive:
		return errors.New("--no-stop needs --strategy exhaustive")
	case f.GapLimit != 0 && f.Strategy == plan.Exhaustive:
		return errors.New("--gap-limit needs --strategy complete, topology or multipath")
	case f.Overlap != 0 && f.Strategy != plan.Topology:
		return errors.New("--overlap needs --strategy topology")
	case f.Stitch && f.Strategy != plan.Topology:
		return errors.New("--stitch needs --strategy topology")
	}
	return nil
}

// validateMultipath checks the flags of strategy multipath, and those that it excludes.
func (c *ScanCmd) validateMultipath() error {
	if c.Strategy != plan.Multipath {
		if name := c.StrategyFlags.multipathFlag(); name != "" {
			return fmt.Errorf("%s needs --strategy multipath", name)
		}
		return nil
	}
	switch {
	case c.Flows != 1:
		return errors.New("--flows cannot be combined with --strategy multipath, which asks as many flows as it needs")
	case c.Attempts > multipath.MostAttempts:
		return fmt.Errorf("--attempts must be within 1 to %d with --strategy multipath: the other two repeat answered probes, to tell what balancers do", multipath.MostAttempts)
	case c.MaxBranches > multipath.MaxBranches:
		return fmt.Errorf("--max-branches must be within 2 to %d", multipath.MaxBranches)
	case c.MaxBranches == 1:
		return errors.New("--max-branches must be at least 2: with one branch there is no balancer")
	}
	return nil
}

// multipathFlag returns a flag that only strategy multipath has and that was given, "" if none was.
func (f *StrategyFlags) multipathFlag() string {
	for _, flag := range []struct {
		name  string
		given bool
	}{
		{"--confidence", f.Confidence != 0}, {"--confidence-scope", f.ConfidenceScope != ""}, {"--mda", f.MDA != ""},
		{"--max-branches", f.MaxBranches != 0}, {"--max-probes", f.MaxProbes != 0},
		{"--hash-fields", f.HashFields}, {"--no-borrow", f.NoBorrow},
	} {
		if flag.given {
			return flag.name
		}
	}
	return ""
}

// strategy translates the flags.
func (f *StrategyFlags) strategy() record.Strategy {
	return record.Strategy{
		Strategy: f.Strategy, GapLimit: int(f.GapLimit), Overlap: int(f.Overlap), Stitch: f.Stitch,
		MultipathOptions: record.MultipathOptions{
			Confidence: float64(f.Confidence), Scope: string(f.ConfidenceScope), MDA: string(f.MDA), MaxBranches: int(f.MaxBranches),
			MaxProbes: int(f.MaxProbes), HashFields: f.HashFields, NoBorrow: f.NoBorrow,
		},
	}
}

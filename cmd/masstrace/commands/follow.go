package commands

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"time"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/masstrace/masstrace/internal/follow"
	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/session"
)

// FollowCmd follows the paths to the targets of some lists.
type FollowCmd struct {
	Targets []string `arg:"" complete:"file" help:"Addresses, prefixes, ranges, names of hosts, or files, as in scan; - is standard input."`

	IPv4         bool     `group:"Targets" short:"4" name:"ipv4" help:"Follow only IPv4 targets."`
	IPv6         bool     `group:"Targets" short:"6" name:"ipv6" help:"Follow only IPv6 targets."`
	Exclude      []string `group:"Targets" placeholder:"FILE" help:"Never probe these addresses, prefixes, ranges, or those in these files. May be repeated. Default: none."`
	Granularity4 count    `group:"Targets" default:"24" name:"granularity4" placeholder:"BITS" help:"Length of the IPv4 prefixes of the lists that get one target each, 1 to 32 bits. Default: ${default}."`
	Granularity6 count    `group:"Targets" default:"48" name:"granularity6" placeholder:"BITS" help:"Length of the IPv6 prefixes, 1 to 128 bits. Default: ${default}."`
	Seed         string   `group:"Targets" placeholder:"TEXT" help:"Text that determines targets and flows. Default: random, or that of --state."`

	Budget     rate     `group:"Pace" default:"100" placeholder:"PPS" help:"Probes per second, also with K or M. Default: ${default}."`
	Wait       timespan `group:"Pace" default:"2s" placeholder:"TIME" help:"Time to wait for a reply, in seconds or with a unit. Default: ${default}."`
	MaxRuntime timespan `group:"Pace" placeholder:"TIME" help:"End after this time, in seconds or with a unit. Default: no limit."`

	Method method `group:"Probes" default:"udp" placeholder:"METHOD" help:"Kind of probe: udp, icmp, tcp-syn (or tcp) or tcp-ack. Default: ${default}."`
	MinTTL ttl    `group:"Probes" default:"1" name:"min-ttl" placeholder:"TTL" help:"First TTL. Default: ${default}."`
	MaxTTL ttl    `group:"Probes" default:"32" name:"max-ttl" placeholder:"TTL" help:"Last TTL, at most 63. Default: ${default}."`
	Dport  port   `group:"Probes" placeholder:"PORT" help:"Destination port. Default: 33434 for UDP, 80 for TCP."`
	TOS    tos    `group:"Probes" name:"tos" placeholder:"TOS" help:"Type of service (IPv4) or traffic class (IPv6), 0 to 255. Default: 0."`

	Interface  string       `group:"Link" short:"i" placeholder:"NAME" complete:"interface" help:"Network interface. Default: from the routing table."`
	Source     []source     `group:"Link" placeholder:"ADDR" help:"Source address, at most one of each family. Default: from the routing table."`
	GatewayMAC hardwareAddr `group:"Link" name:"gateway-mac" placeholder:"MAC" help:"Ethernet address of the next hop. Default: from the neighbour table."`

	Output        string   `group:"Output" short:"o" default:"-" placeholder:"FILE" help:"Output file, NDJSON; compressed if it ends in .zst or .gz. - is the standard output. Default: ${default}."`
	Overwrite     bool     `group:"Output" help:"Overwrite existing files of --output and --status."`
	SnapshotEvery timespan `group:"Output" placeholder:"TIME" help:"Write the current path of every target as a trace record each time this time is over, in seconds or with a unit. Default: at the end only."`
	OnChange      string   `group:"Output" placeholder:"COMMAND" help:"Run this command for each change, with its record on the standard input, or post the record to this URL. One at a time, 10 s at most. Default: none."`
	State         string   `group:"Output" placeholder:"FILE" help:"Keep all that is known in this file, and go on from it if it exists. Default: none."`
	StatusFile    string   `group:"Output" name:"status" placeholder:"FILE" help:"Write the progress to this file, a line each second: CSV if its name ends in .csv, else NDJSON. Default: none."`
	Metrics       string   `group:"Output" placeholder:"ADDR" help:"Serve metrics for Prometheus at http://ADDR/metrics. ADDR is HOST:PORT; a port alone is served to this machine only. Default: none."`
	Quiet         bool     `group:"Output" short:"q" help:"Print no progress and no summary."`
}

// Validate checks conditions that kong cannot.
func (c *FollowCmd) Validate() error {
	switch {
	case c.MinTTL > c.MaxTTL:
		return fmt.Errorf("--min-ttl %d and --max-ttl %d must be in order", c.MinTTL, c.MaxTTL)
	case c.Budget < 1:
		return errors.New("--budget must be at least 1")
	case time.Duration(c.Wait) <= 0:
		return errors.New("--wait must be more than 0")
	case c.Granularity4 < 1 || c.Granularity4 > 32:
		return errors.New("--granularity4 must be within 1 to 32")
	case c.Granularity6 < 1 || c.Granularity6 > 128:
		return errors.New("--granularity6 must be within 1 to 128")
	case c.Dport != 0 && probe.Method(c.Method) == probe.ICMP:
		return errors.New("--dport cannot be combined with --method icmp: ICMP has no ports")
	case c.SnapshotEvery != 0 && time.Duration(c.SnapshotEvery) < time.Second:
		return errors.New("--snapshot-every must be at least 1s")
	case c.State == "-":
		return errors.New("--state needs the name of a file")
	}
	if err := checkReports(c.StatusFile, c.Metrics); err != nil {
		return err
	}
	return checkSources(c.Source)
}

// Help returns the text below the flags.
func (c *FollowCmd) Help() string {
	return "Every path is traced once. Then the budget goes to the paths that change most likely, and each change of a path is a record: " +
		"the hops before and after, the affected targets, and the bounds of its time. A load balancer that sends flows elsewhere is told from a change of the route."
}

// config translates the flags.
func (c *FollowCmd) config(args command, s streams) follow.Config {
	method := probe.Method(c.Method)
	family := TargetFlags{IPv4: c.IPv4, IPv6: c.IPv6}
	return follow.Config{
		Plan: plan.Config{
			Targets: c.Targets, Exclude: c.Exclude, Stdin: s.Stdin, Family: family.family(), Resolver: intake.System(),
			PerPrefix: 1, Granularity4: int(c.Granularity4), Granularity6: int(c.Granularity6), Seed: c.Seed,
			Method: method, MinTTL: uint8(c.MinTTL), MaxTTL: uint8(c.MaxTTL), DstPort: dstPort(method, c.Dport), TOS: uint8(c.TOS),
			RatePPS: float64(c.Budget), Wait: time.Duration(c.Wait), Memory: 512 << 20, Sources: addresses(c.Source), Records: record.Traces,
		},
		Link:       session.Config{Interface: c.Interface, GatewayMAC: net.HardwareAddr(c.GatewayMAC), Queue: true, ReceiveBuffer: 16 << 20},
		MaxRuntime: time.Duration(c.MaxRuntime), SnapshotEvery: time.Duration(c.SnapshotEvery), State: c.State, OnChange: c.OnChange,
		Output: c.Output, Stdout: s.Stdout, Existing: outfile.ExistingIf(c.Overwrite), Tool: tool(), Argv: args.argv(),
	}
}

// Run only translates flags; the work is package follow's.
func (c *FollowCmd) Run(ctx context.Context, signals *signals, args command, s streams) error {
	if err := link.MayRenounce(); err != nil { // before an output is made
		return err
	}
	cfg := c.config(args, s)
	screen := newConsole(s, c.Quiet)
	screen.name = "follow"
	screen.aside(c.Output, s.Stdout)
	defer screen.clear()
	var keep []cap.Value
	if c.State != "" {
		keep = append(keep, cap.DAC_OVERRIDE)
	}
	cfg.Opened = renounce(keep...)
	cfg.Uses = outfile.Writes("StatusFile", c.StatusFile)
	r := reports{metrics: c.Metrics, status: c.StatusFile, overwrite: c.Overwrite, run: "measurement", checkFiles: cfg.CheckFiles}
	observers, counts, stop, err := r.open(screen)
	if err != nil {
		return err
	}
	if counts != nil {
		cfg.Following = func(states iter.Seq[follow.State]) { counts.Targets(followedSeries(states)) }
	}
	cfg.Observer = signals.watching(observers)
	defer stop()
	return follow.Run(ctx, signals.Interrupted, cfg)
}

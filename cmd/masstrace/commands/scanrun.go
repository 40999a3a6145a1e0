package commands

import (
	"cmp"
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/masstrace/masstrace/internal/annotate"
	"github.com/masstrace/masstrace/internal/highlights"
	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/list"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/progress"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/scan"
)

// Run only translates flags; the work is that of packages scan and list.
func (c *ScanCmd) Run(ctx context.Context, signals *signals, args command, flags given, s streams) error {
	cfg, err := c.config(args, s)
	if err != nil {
		return err
	}
	screen := newConsole(s, c.Quiet)
	screen.times = newStatusTimes(time.Duration(c.StatusEvery), screen.terminal)
	screen.name, screen.ends = "scan", new(progress.Ends)
	screen.found = highlights.New()
	screen.output, screen.keeps = c.Output, c.Probes == ""
	defer screen.clear()
	cfg.Observer = signals.watching(screen)
	known, err := c.annotator(ctx, &cfg)
	if err != nil {
		return err
	}
	if c.DryRun {
		return c.dryRun(ctx, cfg)
	}
	if err := link.MayRenounce(); err != nil { // before an output is made
		return err
	}
	reread, inspect := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(reread, syscall.SIGHUP)
	defer signal.Stop(reread)
	signal.Notify(inspect, syscall.SIGUSR1)
	defer signal.Stop(inspect)
	cfg.Reread, cfg.Inspect = reread, inspect
	cfg.Diagnose, cfg.Ports = c.Diagnose, portsOf(c.Ports)
	cfg.Opened = renounce(c.filesLater()...)
	addProcessors(int(c.Senders))
	stop, err := c.reportTo(&cfg, screen, signals)
	if err != nil {
		return err
	}
	defer stop()
	cfg.Sinks = append(cfg.Sinks, screen.ends, screen.found)
	asText := c.showsText(flags, s.Stdout)
	if !asText {
		screen.aside(c.Output, s.Stdout)
	}
	if c.Probes != "" {
		return screen.conclude(annotated(list.Run(ctx, signals.Interrupted, c.listConfig(&cfg)), known), args)
	}
	if asText {
		cfg.Output, cfg.Sinks = "", append(cfg.Sinks, newScreenWriter(screen, s.Stdout))
	}
	return screen.conclude(annotated(scan.Run(ctx, signals.Interrupted, cfg), known), args)
}

// annotator opens the databases of the scan, and returns nil if there are none.
func (c *ScanCmd) annotator(ctx context.Context, cfg *scan.Config) (a *annotate.Annotator, err error) {
	if cfg.Databases, err = c.files(); err != nil || len(cfg.Databases) == 0 {
		return nil, err
	}
	check := cfg.CheckFiles // before a file is read
	if c.Probes != "" {
		listed := c.listConfig(cfg)
		check = listed.CheckFiles
	}
	if err := check(); err != nil {
		return nil, err
	}
	if a, err = openDatabases(ctx, annotate.Config{Annotate: cfg.Databases}); a != nil {
		cfg.Annotate = a.Record
	}
	return a, err
}

// dryRun writes the plan of Run.
func (c *ScanCmd) dryRun(ctx context.Context, cfg scan.Config) error {
	var v *plan.Preview
	var err error
	if c.Probes != "" {
		v, err = list.DryRun(ctx, c.listConfig(&cfg))
	} else {
		v, err = scan.DryRun(ctx, cfg)
	}
	if err != nil {
		return err
	}
	return writePreview(plaintext.NewWriter(cfg.Stdout), v)
}

// config translates the flags.
func (c *ScanCmd) config(args command, s streams) (scan.Config, error) {
	asked, err := c.planConfig(s.Stdin)
	return scan.Config{
		Config:     asked,
		Link:       c.linkConfig(),
		Uses:       outfile.Writes("StatusFile", c.StatusFile),
		MaxRuntime: time.Duration(c.MaxRuntime), Output: c.Output, ReplyOutput: c.Replies, MetaOutput: c.Meta, Stdout: s.Stdout, Capture: c.Pcap,
		Existing: outfile.ExistingIf(c.Overwrite), Checkpoint: c.Checkpoint, Resume: c.Resume, Tool: tool(), Argv: args.argv(),
	}, err
}

// planConfig translates the flags that decide which probes are made.
func (c *ScanCmd) planConfig(stdin io.Reader) (plan.Config, error) {
	method := probe.Method(c.Method)
	seed := c.Seed
	if c.Resume == "" {
		seed = cmp.Or(seed, drawn)
	}
	records, err := record.ParseKinds(c.Records)
	if err != nil {
		return plan.Config{}, &plan.ConfigError{Field: "Records", Err: err}
	}
	return plan.Config{
		Targets: c.Targets, Exclude: c.Exclude, Stdin: stdin, AllowReserved: c.AllowReserved,
		Column: c.Column, FromResults: c.FromResults, Where: c.Where, Family: c.family(), HostRule: c.HostRule.String(), Resolver: intake.System(),
		PerPrefix: uint64(c.PerPrefix), Granularity4: int(c.Granularity4), Granularity6: int(c.Granularity6),
		Shard: c.Shard.i, Shards: c.Shard.n, MaxTargets: uint64(c.MaxTargets), Seed: seed, Key: c.Key,
		Method: method, MinTTL: uint8(c.MinTTL), MaxTTL: uint8(c.MaxTTL), DstPort: dstPort(method, c.Dport), TOS: uint8(c.TOS),
		Flows: int(c.Flows), Attempts: int(c.Attempts),
		Strategy: c.StrategyFlags.strategy(),
		NoStop:   c.NoStop, PerHopRate: float64(c.PerHopRate), PrefixRate: float64(c.PrefixRate),
		RatePPS: c.Rate.most(c.RateMax), AutoRate: c.Rate == autoRate, Bandwidth: float64(c.Bandwidth), Burst: int(c.Burst),
		Wait: time.Duration(c.Wait), Memory: uint64(c.Memory), Senders: int(c.Senders),
		Sources: addresses(c.Source), PortLow: c.SourcePortRange.low, PortHigh: c.SourcePortRange.high, Records: records,
	}, nil
}

// family returns the address family of the targets.
func (f *TargetFlags) family() intake.Family {
	switch {
	case f.IPv4:
		return intake.IPv4
	case f.IPv6:
		return intake.IPv6
	}
	return intake.Both
}

// listConfig returns the part of cfg that concerns a list of probes.
func (c *ScanCmd) listConfig(cfg *scan.Config) list.Config {
	return list.Config{
		Probes: c.Probes, Stdin: cfg.Stdin, Exclude: cfg.Exclude, AllowReserved: cfg.AllowReserved,
		Key: cfg.Key, TOS: cfg.TOS, RatePPS: cfg.RatePPS, Bandwidth: cfg.Bandwidth, Burst: cfg.Burst,
		Wait: cfg.Wait, MaxRuntime: cfg.MaxRuntime, Link: cfg.Link, Sources: cfg.Sources,
		Output: cfg.Output, ReplyOutput: cfg.ReplyOutput, MetaOutput: cfg.MetaOutput, Stdout: cfg.Stdout, Records: cfg.Records, Capture: cfg.Capture, Existing: cfg.Existing,
		Opened: cfg.Opened, Reread: cfg.Reread, Observer: cfg.Observer, Annotate: cfg.Annotate, Databases: cfg.Databases, Tool: cfg.Tool, Argv: cfg.Argv,
	}
}

// dstPort returns the port to probe: that of --dport, if it is given. ICMP has none.
func dstPort(method probe.Method, flag port) uint16 {
	switch {
	case method == probe.ICMP:
		return 0
	case flag != 0:
		return uint16(flag)
	case method == probe.UDP:
		return 33434
	default:
		return 80
	}
}

package main

import (
	"context"
	"errors"
	"net/netip"

	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/replay"
)

// ReplayCmd writes the records of captures.
type ReplayCmd struct {
	Files []string `arg:"" name:"file" help:"Captures: pcap or pcapng, also compressed (gzip, zstd); - for standard input."`

	OutputFlags struct {
		Output    string `short:"o" default:"-" placeholder:"FILE" help:"NDJSON file, compressed if it ends in .zst or .gz; - is standard output."`
		Overwrite bool   `help:"Empty the file of --output if it exists. Without it the file is kept, and nothing is written."`
		Records   string `default:"trace" enum:"trace,reply,both" help:"Data records: trace, reply or both."`
		Quiet     bool   `short:"q" help:"No summary on standard error."`
	} `embed:"" group:"Output"`

	KeyFlags struct {
		Key             string       `placeholder:"HEX" help:"The key of the scan. What scan --pcap wrote is replayed by the key beside it and needs no other option."`
		Seed            string       `placeholder:"TEXT" help:"The seed of the scan."`
		Source          []netip.Addr `placeholder:"ADDR" help:"Source of the probes; one of each family may be given."`
		Method          string       `default:"udp" enum:"udp,icmp,tcp-syn,tcp-ack" help:"As of the scan."`
		MinTTL          uint8        `default:"1" name:"min-ttl" placeholder:"TTL" help:"As of the scan."`
		MaxTTL          uint8        `default:"32" name:"max-ttl" placeholder:"TTL" help:"As of the scan."`
		Dport           *uint16      `placeholder:"PORT" help:"As of the scan."`
		TOS             uint8        `name:"tos" placeholder:"TOS" help:"As of the scan."`
		Flows           int          `default:"1" placeholder:"N" help:"As of the scan."`
		Attempts        int          `default:"4" placeholder:"N" help:"As of the scan, or more."`
		SourcePortRange portRange    `placeholder:"LOW-HIGH" help:"As of the scan."`
	} `embed:"" group:"Authentication of captures by other programs"`
}

// Validate checks what kong cannot.
func (c *ReplayCmd) Validate() error {
	if c.KeyFlags.Flows < 1 || c.KeyFlags.Flows > 1<<15-1 {
		return errors.New("--flows must be within 1 to 32767")
	}
	if k := c.KeyFlags; k.Key == "" && (k.Seed != "" || len(k.Source) > 0) {
		return errors.New("--seed and --source go with --key")
	}
	stdin := 0
	for _, f := range c.Files {
		if f == "-" {
			stdin++
		}
	}
	if stdin > 1 {
		return errors.New("standard input (-) is named twice")
	}
	return nil
}

// Run only translates flags; the work is package replay's.
func (c *ReplayCmd) Run(ctx context.Context, args command, s streams) error {
	k, o := &c.KeyFlags, &c.OutputFlags
	method, err := probe.ParseMethod(k.Method)
	if err != nil {
		return &plan.ConfigError{Field: "Method", Err: err}
	}
	records, err := record.ParseKinds(o.Records)
	if err != nil {
		return &plan.ConfigError{Field: "Records", Err: err}
	}
	return replay.Run(ctx, replay.Config{
		Files: c.Files, Stdin: s.Stdin, Key: k.Key, Seed: k.Seed, Sources: k.Source,
		Method: method, MinTTL: k.MinTTL, MaxTTL: k.MaxTTL, DstPort: dstPort(method, k.Dport), TOS: k.TOS,
		Flows: k.Flows, Attempts: k.Attempts, PortLow: k.SourcePortRange.low, PortHigh: k.SourcePortRange.high,
		Output: o.Output, Existing: existing(o.Overwrite), Stdout: s.Stdout, Records: records, Observer: newConsole(s.Stderr, o.Quiet),
		Tool: tool(), Argv: args.argv(),
	})
}

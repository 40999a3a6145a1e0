package commands

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"runtime/debug"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/replay"
)

// ReplayCmd writes the records of captures.
type ReplayCmd struct {
	Files []string `arg:"" name:"file" help:"Captures in pcap or pcapng format, also compressed (gzip, zstd); - is standard input."`

	OutputFlags struct {
		Output    string `short:"o" default:"-" placeholder:"FILE" help:"NDJSON file, compressed if it ends in .zst or .gz. Default: -, the standard output."`
		Overwrite bool   `help:"Overwrite an existing file of --output. Default: nothing is written if it exists."`
		Records   string `default:"trace" enum:"trace,reply,both" help:"Data records: trace, reply or both."`
		Quiet     bool   `short:"q" help:"Print no summary."`
	} `embed:"" group:"Output"`

	KeyFlags struct {
		Key             string       `placeholder:"HEX" help:"Key of the scan, 32 hexadecimal digits. Captures of scan --pcap use the key in FILE.key and need no option."`
		Seed            string       `placeholder:"TEXT" help:"Seed of the scan."`
		Source          []netip.Addr `placeholder:"ADDR" help:"Source address of the probes, at most one of each family."`
		Method          method       `default:"udp" placeholder:"METHOD" help:"Kind of probe, as in the scan."`
		MinTTL          uint8        `default:"1" name:"min-ttl" placeholder:"TTL" help:"First TTL, as in the scan. Default: ${default}."`
		MaxTTL          uint8        `default:"32" name:"max-ttl" placeholder:"TTL" help:"Last TTL, as in the scan. Default: ${default}."`
		Dport           *uint16      `placeholder:"PORT" help:"Destination port, as in the scan. Default: 33434 for UDP, 80 for TCP."`
		TOS             uint8        `name:"tos" placeholder:"TOS" help:"Type of service, as in the scan. Default: 0."`
		Flows           int          `default:"1" placeholder:"N" help:"Flows, as in the scan. Default: ${default}."`
		Attempts        int          `default:"4" placeholder:"N" help:"Attempts, as in the scan or more. Default: ${default}."`
		SourcePortRange portRange    `placeholder:"LOW-HIGH" help:"Source ports, as in the scan. Default: 32768-65534."`
	} `embed:"" group:"Authentication of captures by other programs"`
}

// Validate checks conditions that kong cannot.
func (c *ReplayCmd) Validate() error {
	if c.KeyFlags.Flows < 1 || c.KeyFlags.Flows > 1<<15-1 {
		return errors.New("--flows must be within 1 to 32767")
	}
	if k := c.KeyFlags; k.Key == "" && (k.Seed != "" || len(k.Source) > 0) {
		return errors.New("--seed and --source need --key")
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

// replayMemory is the size of the heap, in bytes, at which the garbage collector works harder. It is
// more than a replay needs for any capture.
const replayMemory = 192 << 20

// Run only translates flags; the work is package replay's.
func (c *ReplayCmd) Run(ctx context.Context, args command, s streams) error {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(replayMemory)
	}
	k, o := &c.KeyFlags, &c.OutputFlags
	method := probe.Method(k.Method)
	records, err := record.ParseKinds(o.Records)
	if err != nil {
		return &plan.ConfigError{Field: "Records", Err: err}
	}
	return replay.Run(ctx, replay.Config{
		Files: c.Files, Stdin: s.Stdin, Key: k.Key, Seed: k.Seed, Sources: k.Source,
		Method: method, MinTTL: k.MinTTL, MaxTTL: k.MaxTTL, DstPort: dstPort(method, k.Dport), TOS: k.TOS,
		Flows: k.Flows, Attempts: k.Attempts, PortLow: k.SourcePortRange.low, PortHigh: k.SourcePortRange.high,
		Output: o.Output, Existing: outfile.ExistingIf(o.Overwrite), Stdout: s.Stdout, Records: records, Observer: newConsole(s.Stderr, o.Quiet),
		Tool: tool(), Argv: args.argv(),
	})
}

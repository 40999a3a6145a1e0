package commands

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/highlights"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/progress"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/replay"
)

// ReplayCmd writes the records of captures.
type ReplayCmd struct {
	Files []string `arg:"" name:"file" complete:"file" help:"Captures in pcap or pcapng format, also compressed (gzip, zstd); - is standard input."`

	OutputFlags struct {
		Output    string `short:"o" default:"-" placeholder:"FILE" help:"Output file. The ending of its name is its format, see masstrace convert; without one it is NDJSON. Compressed if it ends in .zst or .gz. Default: -, the standard output."`
		Replies   string `placeholder:"FILE" help:"Write the reply records to this file, and not to --output. Default: none."`
		Meta      string `placeholder:"FILE" help:"Write all records but traces and replies to this file, and not to --output. Default: none."`
		Overwrite bool   `help:"Overwrite existing files of --output, --replies and --meta. Default: nothing is written if one of them exists."`
		Records   string `default:"trace" enum:"trace,reply,both" placeholder:"KIND" help:"Data records: trace, reply or both. Default: ${default}."`
		Quiet     bool   `short:"q" help:"Print no progress and no summary."`
	} `embed:"" group:"Output"`

	KeyFlags struct {
		Key             string    `placeholder:"HEX" help:"Key of the scan, 32 hexadecimal digits. Captures of scan --pcap use the key in FILE.key and need no option. Default: none, nothing is authenticated."`
		Seed            string    `placeholder:"TEXT" help:"Seed of the scan. Default: none."`
		Source          []source  `placeholder:"ADDR" help:"Source address of the probes, at most one of each family. Default: that of the capture."`
		Method          method    `default:"udp" placeholder:"METHOD" help:"Kind of probe, as in the scan: udp, icmp, tcp-syn or tcp-ack. Default: ${default}."`
		MinTTL          ttl       `default:"1" name:"min-ttl" placeholder:"TTL" help:"First TTL, as in the scan. Default: ${default}."`
		MaxTTL          ttl       `default:"32" name:"max-ttl" placeholder:"TTL" help:"Last TTL, as in the scan. Default: ${default}."`
		Dport           port      `placeholder:"PORT" help:"Destination port, as in the scan. Default: 33434 for UDP, 80 for TCP."`
		TOS             tos       `name:"tos" placeholder:"TOS" help:"Type of service, as in the scan, 0 to 255. Default: 0."`
		Flows           count     `default:"1" placeholder:"N" help:"Flows, as in the scan. Default: ${default}."`
		Attempts        count     `default:"4" placeholder:"N" help:"Attempts, as in the scan or more. Default: ${default}."`
		SourcePortRange portRange `placeholder:"LOW-HIGH" help:"Source ports, as in the scan. Default: 32768-65534."`
	} `embed:"" group:"Authentication of captures by other programs"`
}

// Validate checks conditions that kong cannot.
func (c *ReplayCmd) Validate() error {
	switch k := &c.KeyFlags; {
	case k.MinTTL > k.MaxTTL:
		return fmt.Errorf("--min-ttl %d and --max-ttl %d must be in order", k.MinTTL, k.MaxTTL)
	case k.Attempts < 1 || k.Attempts > probe.MaxAttempts:
		return fmt.Errorf("--attempts must be within 1 to %d", probe.MaxAttempts)
	case k.Flows < 1 || k.Flows > mostFlows:
		return fmt.Errorf("--flows must be within 1 to %d", mostFlows)
	case k.Dport != 0 && probe.Method(k.Method) == probe.ICMP:
		return errors.New("--dport cannot be combined with --method icmp: ICMP has no ports")
	}
	if err := checkSources(c.KeyFlags.Source); err != nil {
		return err
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
	return validateSet(c.OutputFlags.Records, c.OutputFlags.Replies, c.OutputFlags.Meta)
}

// replayMemory is the size of the heap, in bytes, at which the garbage collector works harder. It
// is more than a replay needs for any capture.
const replayMemory = 144 << 20

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
	screen := newConsole(s, o.Quiet)
	screen.output, screen.ends = o.Output, new(progress.Ends)
	screen.found = highlights.New()
	defer newReading(screen, "replay", o.Output, s.Stdout).files(c.Files, 1)()
	return replay.Run(ctx, replay.Config{
		Files: c.Files, Stdin: s.Stdin, Key: k.Key, Seed: k.Seed, Sources: addresses(k.Source),
		Method: method, MinTTL: uint8(k.MinTTL), MaxTTL: uint8(k.MaxTTL), DstPort: dstPort(method, k.Dport), TOS: uint8(k.TOS),
		Flows: int(k.Flows), Attempts: int(k.Attempts), PortLow: k.SourcePortRange.low, PortHigh: k.SourcePortRange.high,
		Output: o.Output, ReplyOutput: o.Replies, MetaOutput: o.Meta, Existing: outfile.ExistingIf(o.Overwrite), Stdout: s.Stdout, Records: records, Observer: screen, Sinks: []format.Writer{screen.ends, screen.found},
		Tool: tool(), Argv: args.argv(),
	})
}

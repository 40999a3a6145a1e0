package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
)

// ScanCmd traces every target of some lists.
type ScanCmd struct {
	Targets []string `arg:"" optional:"" help:"Files with one address, prefix or range per line, - for standard input, or addresses, prefixes and ranges themselves."`

	Probes string `placeholder:"FILE" help:"Instead of tracing targets, send the single probes that this file lists, - for standard input, as caracal takes them: destination,source port,destination port,TTL,protocol (udp, icmp or icmp6) a line."`

	TargetFlags   `group:"Targets"`
	ProbeFlags    `group:"Probes"`
	StrategyFlags `group:"Strategy"`
	PaceFlags     `group:"Pace"`
	LinkFlags     `group:"Link"`
	OutputFlags   `group:"Output"`

	DryRun bool `help:"Print what would be done, and the first probes; send nothing."`
}

// TargetFlags choose targets.
type TargetFlags struct {
	Exclude       []string `placeholder:"FILE" help:"Never probe what these files list, or these prefixes. May be repeated, or a list with commas. SIGHUP has the files read again: what is newly excluded is not probed from then on."`
	AllowReserved bool     `help:"Also probe special-purpose addresses (RFC 6890): private, multicast and the like."`
	PerPrefix     uint64   `default:"1" placeholder:"K" help:"Targets in each /24 (IPv6: /48) of the lists."`
	Granularity4  int      `default:"24" name:"granularity4" placeholder:"BITS" help:"Size of the IPv4 prefixes that get --per-prefix targets each, 1 to 32."`
	Granularity6  int      `default:"48" name:"granularity6" placeholder:"BITS" help:"The same for IPv6, 1 to 128."`
	Seed          string   `placeholder:"TEXT" help:"Fixes hosts, order and flows: the same seed, the same probes but for their authentication. Random by default."`
	Key           string   `placeholder:"HEX" help:"Fixes what authenticates replies, 32 hexadecimal digits. Random by default, and secret."`
	Shard         shard    `placeholder:"I/N" help:"Probe only the I-th of N disjoint parts, I from 1. Needs --seed."`
	MaxTargets    uint64   `placeholder:"N" help:"Probe only the first N targets of the seed's order."`
}

// ProbeFlags say what probes look like.
type ProbeFlags struct {
	Method          string    `default:"udp" enum:"udp,icmp,tcp-syn,tcp-ack" help:"udp, icmp, tcp-syn or tcp-ack."`
	MinTTL          uint8     `default:"1" name:"min-ttl" placeholder:"TTL" help:"First TTL."`
	MaxTTL          uint8     `default:"32" name:"max-ttl" placeholder:"TTL" help:"Last TTL, up to 63."`
	Dport           *uint16   `placeholder:"PORT" help:"Destination port. Default 33434 for UDP, 80 for TCP."`
	TOS             uint8     `name:"tos" placeholder:"TOS" help:"Type of service, or traffic class."`
	Flows           int       `default:"1" placeholder:"N" help:"Flows (paths through load balancers) probed of each target."`
	Attempts        int       `default:"1" placeholder:"N" help:"Attempts at each TTL, up to 4; only what did not answer is probed again."`
	SourcePortRange portRange `placeholder:"LOW-HIGH" help:"Source ports (ICMP: identifiers). Default 32768-65534."`
}

// PaceFlags say how fast.
type PaceFlags struct {
	Rate       rate          `default:"10000" placeholder:"PPS" help:"Probes per second, with K or M if you like; 0 is unlimited, auto looks for the highest rate at which answers do not get fewer."`
	RateMax    rate          `placeholder:"PPS" help:"Never exceed this with --rate auto. Default 100K."`
	Bandwidth  bandwidth     `placeholder:"BITS" help:"Bits per second on the wire instead, with K, M or G."`
	Burst      int           `placeholder:"N" help:"Most probes that leave at once. Default: as small as the rate allows."`
	Wait       time.Duration `default:"2s" placeholder:"TIME" help:"How long to wait for a reply."`
	MaxRuntime time.Duration `placeholder:"TIME" help:"Stop sending after this time."`
	Memory     byteSize      `default:"512M" placeholder:"BYTES" help:"Memory for targets under probing, with K, M or G."`
}

// LinkFlags say where probes leave. What is not given is looked up.
type LinkFlags struct {
	Interface     string       `short:"i" placeholder:"NAME" help:"Network interface."`
	Source        []netip.Addr `placeholder:"ADDR" help:"Source address; one of each family may be given."`
	GatewayMAC    hardwareAddr `name:"gateway-mac" placeholder:"MAC" help:"Link address of the next hop."`
	ReceiveBuffer byteSize     `default:"64M" placeholder:"BYTES" help:"Memory for replies that wait to be read, with K, M or G."`

	IO       string `name:"io" default:"packet" enum:"packet,xdp" help:"How frames leave: packet (AF_PACKET) or xdp (AF_XDP, on Ethernet links)."`
	Senders  int    `default:"1" placeholder:"N" help:"Threads that send, each its part of the targets; with --io xdp each on a queue of its own."`
	NoBypass bool   `help:"Send through the queueing discipline, so that captures on this machine see the probes."`
}

// OutputFlags say what is written.
type OutputFlags struct {
	Output     string `short:"o" default:"-" placeholder:"FILE" help:"NDJSON file, compressed if it ends in .zst or .gz; - is standard output."`
	Records    string `default:"trace" enum:"trace,reply,both" help:"Data records: trace, reply or both."`
	Overwrite  bool   `help:"Empty the files of --output, --pcap and --checkpoint if they exist. Without it they are kept, and the scan does not begin."`
	Pcap       string `name:"pcap" placeholder:"FILE" help:"Keep a copy of all probes and of what is received as pcapng, for masstrace replay, and the run's key in FILE.key; compressed if it ends in .zst or .gz."`
	Checkpoint string `placeholder:"FILE" help:"Keep in this file how far the scan has come, so that --resume can go on if it is stopped or killed. It holds the run's key, and is removed when all is done. Needs a file as --output."`
	Resume     string `placeholder:"FILE" help:"Go on with the scan whose --checkpoint this is, under the same options."`
	Quiet      bool   `short:"q" help:"No status lines and no summary on standard error."`
}

// mostSenders is more than any link takes.
const mostSenders = 64

// Validate checks what kong cannot.
func (c *ScanCmd) Validate() error {
	if err := errors.Join(c.validateProbes(), c.StrategyFlags.validate()); err != nil {
		return err
	}
	switch {
	case c.MinTTL < 1 || c.MaxTTL > probe.MaxTTL || c.MinTTL > c.MaxTTL:
		return fmt.Errorf("--min-ttl %d and --max-ttl %d must be within 1 to %d, in order", c.MinTTL, c.MaxTTL, probe.MaxTTL)
	case c.Attempts < 1 || c.Attempts > probe.MaxAttempts:
		return fmt.Errorf("--attempts must be within 1 to %d", probe.MaxAttempts)
	case c.Flows < 1 || c.Flows > 1<<15-1:
		return errors.New("--flows must be within 1 to 32767")
	case c.Burst < 0:
		return errors.New("--burst must be at least 1")
	case c.Wait <= 0:
		return errors.New("--wait must be more than 0")
	case c.MaxRuntime < 0:
		return errors.New("--max-runtime must not be negative")
	case c.PerPrefix < 1:
		return errors.New("--per-prefix must be at least 1")
	case c.Granularity4 < 1 || c.Granularity4 > 32:
		return errors.New("--granularity4 must be within 1 to 32")
	case c.Granularity6 < 1 || c.Granularity6 > 128:
		return errors.New("--granularity6 must be within 1 to 128")
	case c.Shard.n > 1 && c.Seed == "" && c.Resume == "":
		return errors.New("--shard needs --seed: all shards must share one")
	case c.Senders < 1 || c.Senders > mostSenders:
		return fmt.Errorf("--senders must be within 1 to %d", mostSenders)
	case c.IO == "xdp" && c.NoBypass:
		return errors.New("--no-bypass does not go with --io xdp, whose frames always pass by the queue")
	case c.Dport != nil && *c.Dport == 0:
		return errors.New("--dport must not be 0")
	}
	if err := c.validateRate(); err != nil {
		return err
	}
	switch {
	case c.ReceiveBuffer < 64<<10 || c.ReceiveBuffer > 1<<30:
		return errors.New("--receive-buffer must be within 64K to 1G")
	case c.Checkpoint != "" && c.Resume != "":
		return errors.New("--resume goes on with its own checkpoint: --checkpoint does not go with it")
	case c.DryRun && (c.Checkpoint != "" || c.Resume != ""):
		return errors.New("--dry-run does not go with --checkpoint or --resume")
	}
	if c.Pcap == "-" {
		return errors.New("--pcap takes the name of a file")
	}
	return c.validateSources()
}

// validateRate checks what goes with a rate to be found.
func (c *ScanCmd) validateRate() error {
	switch {
	case c.RateMax < 0:
		return errors.New("--rate-max takes a number")
	case c.Rate != autoRate && c.RateMax != 0:
		return errors.New("--rate-max goes with --rate auto")
	case c.Rate == autoRate && (c.Bandwidth > 0 || c.Probes != ""):
		return errors.New("--rate auto does not go with --bandwidth or --probes")
	}
	return nil
}

// validateProbes checks what goes with a list of probes.
func (c *ScanCmd) validateProbes() error {
	switch {
	case c.Probes == "" && len(c.Targets) == 0:
		return errors.New("no targets, and no --probes")
	case c.Probes != "" && len(c.Targets) > 0:
		return errors.New("--probes takes no targets beside it")
	case c.Probes != "" && (c.Senders > 1 || c.Checkpoint != "" || c.Resume != ""):
		return errors.New("--probes does not go with --senders, --checkpoint or --resume")
	case c.Probes == "-" && slices.Contains(c.Exclude, "-"):
		return errors.New("--probes and --exclude cannot both be standard input")
	}
	return nil
}

func (c *ScanCmd) validateSources() error {
	var seen [2]bool
	for _, a := range c.Source {
		if a.IsUnspecified() || a.IsMulticast() || a.Is4In6() || a.Zone() != "" {
			return fmt.Errorf("--source: %v is no address that probes can have", a)
		}
		family := 0
		if a.Is4() {
			family = 1
		}
		if seen[family] {
			return errors.New("--source: two addresses of one family")
		}
		seen[family] = true
	}
	return nil
}

package commands

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/session"
)

// ScanCmd traces every target of some lists.
type ScanCmd struct {
	Targets []string `arg:"" optional:"" complete:"file" help:"Addresses, prefixes, ranges (192.0.2.7-192.0.2.9), names of hosts, or files; - is standard input. A file has one of these per line, or is CSV (see --column), a routing table (MRT), or results. It may be compressed (.gz, .zst, .xz, .bz2)."`

	Probes string `group:"Targets" placeholder:"FILE" help:"Send the probes of this list instead of tracing targets; - is standard input. One probe per line, in the format of caracal: destination,source port,destination port,TTL,protocol. The protocol is udp, icmp or icmp6. Default: none, the targets are traced."`

	TargetFlags   `kong:"group='Targets',set='reread= On SIGHUP the files are read again; newly excluded targets are not probed from then on.',set='lookup4=, and look up only IPv4 addresses of names',set='lookup6=, and look up only IPv6 addresses of names'"`
	ProbeFlags    `group:"Probes"`
	StrategyFlags `group:"Strategy"`

	Diagnose bool   `group:"Diagnosis" help:"After the scan, ask targets without a certain verdict again, with the same method, ICMP, UDP and TCP, to find why. Each method costs at most as many probes as two attempts of the scan."`
	Ports    []port `group:"Diagnosis" placeholder:"PORT,..." help:"With --diagnose: destination ports of TCP, at most 8. Default: 80,443."`

	PaceFlags   `kong:"group='Pace',set='rates=Probes per second, also with K or M. 0 is unlimited. auto finds the highest rate at which the share of answered probes stays the same.'"`
	LinkFlags   `group:"Link"`
	OutputFlags `group:"Output"`
	DatabaseFlags

	DryRun bool `group:"Output" help:"Print targets, probes, duration, size of the output, memory and the first probes. Send nothing."`
}

// TargetFlags choose targets. A command that has them sets the variables of their help.
type TargetFlags struct {
	Column      string   `placeholder:"NAME" help:"Read the target files as CSV with a header, and take the targets from the column of this name. Default: the files are lists."`
	FromResults []string `placeholder:"FILE" complete:"file" sep:"none" help:"Also trace the targets of these results, in any format that masstrace convert reads. May be repeated. Default: none."`
	Where       []string `placeholder:"CONDITION" sep:"none" help:"Take from --from-results the targets of traces for which this holds: a field, one of = != < <= > >=, and a value, such as stop_reason=GAPLIMIT or hop_count>=20. May be repeated: all must hold. Fields: ${wherefields}. Default: all targets."`
	HostRule    hostRule `default:"random" placeholder:"RULE" help:"Choice of the targets in each prefix: random (by the seed), first (the lowest addresses), or the number of an address, counted from 0. In IPv6 also sra: the subnet-router anycast address, prefix::0. Default: ${default}."`
	IPv4        bool     `short:"4" name:"ipv4" help:"Trace only IPv4 targets${lookup4}. Default: both families."`
	IPv6        bool     `short:"6" name:"ipv6" help:"Trace only IPv6 targets${lookup6}. Default: both families."`

	Exclude       []string `placeholder:"FILE" help:"Never probe these addresses, prefixes, ranges, or those in these files. May be repeated, or separated by commas.${reread} Default: none."`
	AllowReserved bool     `help:"Also probe special-purpose addresses (RFC 6890), such as private and multicast ones. Default: they are left out."`
	PerPrefix     count    `default:"1" placeholder:"K" help:"Targets in each prefix of the lists (see --granularity4). Default: ${default}."`
	Granularity4  count    `default:"24" name:"granularity4" placeholder:"BITS" help:"Length of the IPv4 prefixes that get --per-prefix targets each, 1 to 32 bits. Default: ${default}."`
	Granularity6  count    `default:"48" name:"granularity6" placeholder:"BITS" help:"Length of the IPv6 prefixes, 1 to 128 bits. Default: ${default}."`
	Seed          string   `placeholder:"TEXT" help:"Text that determines targets, order and flows. Two runs with the same seed send the same probes, except for the authentication tags. Default: random."`
	Key           string   `placeholder:"HEX" help:"Secret key that authenticates replies, 32 hexadecimal digits. Default: random."`
	Shard         shard    `placeholder:"I/N" help:"Probe only part I of N disjoint parts, I from 1. Needs --seed. Default: all."`
	MaxTargets    count    `placeholder:"N" help:"Probe only the first N targets in the order of the seed. Default: all."`
}

// ProbeFlags determine the form of probes.
type ProbeFlags struct {
	Method          method    `default:"udp" placeholder:"METHOD" help:"Kind of probe: udp, icmp, tcp-syn (or tcp) or tcp-ack. Default: ${default}."`
	MinTTL          ttl       `default:"1" name:"min-ttl" placeholder:"TTL" help:"First TTL. Default: ${default}."`
	MaxTTL          ttl       `default:"32" name:"max-ttl" placeholder:"TTL" help:"Last TTL, at most 63. Default: ${default}."`
	Dport           port      `placeholder:"PORT" help:"Destination port. Default: 33434 for UDP, 80 for TCP."`
	TOS             tos       `name:"tos" placeholder:"TOS" help:"Type of service (IPv4) or traffic class (IPv6), 0 to 255. Default: 0."`
	Flows           count     `default:"1" placeholder:"N" help:"Flows for each target. Load balancers may send each flow along another path. Default: ${default}."`
	Attempts        count     `default:"1" placeholder:"N" help:"Attempts at each TTL, at most 4. A TTL that answered is not probed again. Default: ${default}."`
	SourcePortRange portRange `placeholder:"LOW-HIGH" help:"Source ports, or identifiers of ICMP. Default: 32768-65534."`
}

// PaceFlags determine the pace. A command that has them sets the variable of their help.
type PaceFlags struct {
	Rate       rateOrAuto `default:"10000" placeholder:"PPS" help:"${rates} Default: ${default}."`
	RateMax    rate       `placeholder:"PPS" help:"With --rate auto: upper limit of the rate, in probes per second. Default: 100K."`
	Bandwidth  bandwidth  `placeholder:"BITS" help:"Rate in bits per second on the wire, also with K, M or G. Not together with --rate. Default: that of --rate."`
	Burst      count      `placeholder:"N" help:"Maximum number of probes that leave together. Default: as small as the rate allows."`
	Wait       timespan   `default:"2s" placeholder:"TIME" help:"Time to wait for replies after the last probe of a window (about 1 s of probing), in seconds or with a unit. Strategy multipath waits less if answers come fast. Default: ${default}."`
	MaxRuntime timespan   `placeholder:"TIME" help:"Stop sending after this time, in seconds or with a unit, for example 90s or 2h. Default: no limit."`
	Memory     byteSize   `default:"512M" placeholder:"BYTES" help:"Memory for targets that are being traced, in bytes, also with K, M or G. Default: ${default}."`
}

// LinkFlags determine the way out. Values that are not given come from the routing table.
type LinkFlags struct {
	Interface     string       `short:"i" placeholder:"NAME" complete:"interface" help:"Network interface. Default: from the routing table."`
	Source        []source     `placeholder:"ADDR" help:"Source address, at most one of each family. Default: from the routing table."`
	GatewayMAC    hardwareAddr `name:"gateway-mac" placeholder:"MAC" help:"Ethernet address of the next hop. Default: from the neighbour table."`
	ReceiveBuffer byteSize     `default:"64M" placeholder:"BYTES" help:"Memory for received frames that wait to be read, in bytes, also with K, M or G; 64K to 1G. Frames that do not fit are lost and counted. Default: ${default}."`
	LinkWait      timespan     `default:"5m" placeholder:"TIME" help:"End the scan if the link is down, or the source address or the route is missing, for this many seconds. Default: ${default}."`

	IO       string `name:"io" default:"packet" enum:"packet,xdp" placeholder:"WAY" help:"Way of sending: packet (AF_PACKET) or xdp (AF_XDP, Ethernet links only). Default: ${default}."`
	Senders  count  `default:"1" placeholder:"N" help:"Sending threads, at most 64. Each sends to its part of the targets; with --io xdp each has its own queue. Default: ${default}."`
	NoBypass bool   `help:"Send through the queueing discipline, so that captures on this machine (tcpdump) show the probes."`
}

// mostRing bounds --receive-buffer. Tests set less: the kernel clears this memory at the start of each
// of their many short scans.
var mostRing = byteSize(1 << 30)

// linkConfig translates the flags but Source and Senders, which belong to the plan.
func (f *LinkFlags) linkConfig() session.Config {
	return session.Config{
		Interface: f.Interface, GatewayMAC: net.HardwareAddr(f.GatewayMAC),
		IO: session.IO(f.IO), Queue: f.NoBypass, ReceiveBuffer: int(min(f.ReceiveBuffer, mostRing)), LinkWait: time.Duration(f.LinkWait),
	}
}

// OutputFlags determine the output files.
type OutputFlags struct {
	Output     string `short:"o" default:"-" placeholder:"FILE" help:"Output file. The ending of its name is its format, see masstrace convert; without one it is NDJSON. Compressed if it ends in .zst or .gz. - is the standard output. Default: -, but traces as text if it is a terminal."`
	Records    string `default:"trace" enum:"trace,reply,both" placeholder:"KIND" help:"Data records: trace, reply or both. Default: ${default}."`
	Replies    string `placeholder:"FILE" help:"Write the reply records to this file, and not to --output. Replies are then recorded without --records. Default: none."`
	Meta       string `placeholder:"FILE" help:"Write all records but traces and replies to this file, and not to --output: cycle-start, run, resume, trace-ext, multipath, summary, cycle-stop. Every line of --output then has the same columns. Default: none."`
	Overwrite  bool   `help:"Overwrite existing files of --output, --replies, --meta, --pcap and --checkpoint. Default: the scan does not start if one of them exists."`
	Pcap       string `name:"pcap" placeholder:"FILE" help:"Write all probes and received frames to this pcapng file, for masstrace replay, and the key of the run to FILE.key. Compressed if it ends in .zst or .gz. Default: none."`
	Checkpoint string `placeholder:"FILE" help:"Save the progress of the scan in this file, so that --resume can continue it after a stop or a kill. The file holds the key of the run. It is removed when the scan is complete. Needs --output FILE. Default: none."`
	Resume     string `placeholder:"FILE" help:"Continue the scan of this --checkpoint file. Options must be the same, except --rate, --rate-max, --bandwidth, --burst, --prefix-rate, --per-hop-rate, --senders and --wait. --exclude may exclude more. Default: none, a new scan."`
	Quiet      bool   `short:"q" help:"Print no progress and no summary."`

	StatusEvery timespan `placeholder:"TIME" help:"Time between updates of the progress, in seconds or with a unit. Default: 1s on a terminal, else 60s after the first."`
	StatusFile  string   `name:"status" placeholder:"FILE" help:"Write the progress to this file, a line each second: CSV if its name ends in .csv, else NDJSON. If it cannot be written, the scan says so and goes on. Default: none."`
	Metrics     string   `placeholder:"ADDR" help:"Serve metrics for Prometheus at http://ADDR/metrics while the scan runs. ADDR is HOST:PORT; a port alone is served to this machine only. Default: none."`
}

// Bounds of flags.
const (
	mostSenders = 64        // more than any link takes
	mostFlows   = 1<<15 - 1 // the number of a flow has 15 bits
	mostBurst   = 1 << 30
)

// Validate checks conditions that kong cannot.
func (c *ScanCmd) Validate() error {
	if err := errors.Join(c.validateProbes(), checkPorts(c.Diagnose, c.Ports), c.StrategyFlags.validate(), c.validateMultipath(), c.validateReports()); err != nil {
		return err
	}
	switch {
	case c.MinTTL > c.MaxTTL:
		return fmt.Errorf("--min-ttl %d and --max-ttl %d must be in order", c.MinTTL, c.MaxTTL)
	case c.Attempts < 1 || c.Attempts > probe.MaxAttempts:
		return fmt.Errorf("--attempts must be within 1 to %d", probe.MaxAttempts)
	case c.Flows < 1 || c.Flows > mostFlows:
		return fmt.Errorf("--flows must be within 1 to %d", mostFlows)
	case c.Burst > mostBurst:
		return fmt.Errorf("--burst must be within 1 to %d", mostBurst)
	case c.LinkWait <= 0:
		return errors.New("--link-wait must be more than 0")
	case c.Wait <= 0:
		return errors.New("--wait must be more than 0")
	case c.PerPrefix < 1:
		return errors.New("--per-prefix must be at least 1")
	case c.Granularity4 < 1 || c.Granularity4 > 32:
		return errors.New("--granularity4 must be within 1 to 32")
	case c.Granularity6 < 1 || c.Granularity6 > 128:
		return errors.New("--granularity6 must be within 1 to 128")
	case c.Shard.n > 1 && c.Seed == "" && c.Resume == "":
		return errors.New("--shard needs --seed: all shards of a scan must have the same seed")
	case c.Diagnose && c.IO == "xdp":
		return errors.New("--diagnose cannot be combined with --io xdp: it opens the link again, without the privileges for that")
	case c.Diagnose && c.Probes != "":
		return errors.New("--diagnose cannot be combined with --probes: the list decides every probe")
	case c.Senders < 1 || c.Senders > mostSenders:
		return fmt.Errorf("--senders must be within 1 to %d", mostSenders)
	case c.IO == "xdp" && c.NoBypass:
		return errors.New("--no-bypass cannot be combined with --io xdp, whose frames never use the queue")
	case c.Dport != 0 && probe.Method(c.Method) == probe.ICMP:
		return errors.New("--dport cannot be combined with --method icmp: ICMP has no ports")
	}
	if err := c.validateRate(); err != nil {
		return err
	}
	switch {
	case c.ReceiveBuffer < 64<<10 || c.ReceiveBuffer > 1<<30:
		return errors.New("--receive-buffer must be within 64K to 1G")
	}
	if c.Stitch && c.Records == "reply" {
		return errors.New("--stitch cannot be combined with --records reply: it adds hops to trace records")
	}
	if c.Pcap == "-" {
		return errors.New("--pcap needs the name of a file")
	}
	return errors.Join(validateSet(c.Records, c.Replies, c.Meta), c.validateSources())
}

// validateSet checks the files of a set of results.
func validateSet(records, replies, meta string) error {
	switch {
	case replies == "-" || meta == "-":
		return errors.New("--replies and --meta need the name of a file")
	case replies != "" && records == record.Replies.String():
		return errors.New("--replies cannot be combined with --records reply: --output would get no records")
	}
	return nil
}

// validateRate checks options that need --rate auto, or exclude it.
func (c *ScanCmd) validateRate() error {
	switch {
	case c.Rate != autoRate && c.RateMax != 0:
		return errors.New("--rate-max needs --rate auto")
	case c.Rate == 0 && c.Bandwidth == 0 && c.Burst != 0:
		return errors.New("--burst cannot be combined with --rate 0, which has no limit")
	case c.Rate == autoRate && c.Probes != "":
		return errors.New("--rate auto cannot be combined with --probes")
	}
	return nil
}

// validateProbes checks options that --probes excludes.
func (c *ScanCmd) validateProbes() error {
	switch {
	case c.Probes == "" && len(c.Targets)+len(c.FromResults) == 0:
		return errors.New("no targets: give addresses, prefixes, names or files, --from-results FILE, or --probes FILE")
	case c.Column != "" && len(c.Targets) == 0 && c.Probes == "":
		return errors.New("--column needs target files")
	case c.Probes != "" && len(c.Targets) > 0:
		return errors.New("--probes cannot be combined with targets")
	case c.Probes == "-" && slices.Contains(c.Exclude, "-"):
		return errors.New("--probes and --exclude cannot both be standard input")
	}
	return nil
}

func (c *ScanCmd) validateSources() error { return checkSources(c.Source) }

// checkSources refuses two sources of one family.
func checkSources(list []source) error {
	var seen [2]bool
	for _, a := range list {
		family := 0
		if a.Is4() {
			family = 1
		}
		if seen[family] {
			return errors.New("--source: two addresses of the same family")
		}
		seen[family] = true
	}
	return nil
}

package commands

import (
	"context"
	"errors"
	"fmt"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/traceroute"
)

// TraceCmd traces the path to a few hosts for a person.
type TraceCmd struct {
	Hosts []string `arg:"" name:"host" complete:"host" help:"Names or addresses of hosts."`

	IPv4 bool `group:"Probes" short:"4" name:"ipv4" help:"Trace to an IPv4 address."`
	IPv6 bool `group:"Probes" short:"6" name:"ipv6" help:"Trace to an IPv6 address."`

	ICMP   bool   `group:"Probes" short:"I" name:"icmp" help:"Probe with ICMP echo."`
	TCP    bool   `group:"Probes" short:"T" name:"tcp" help:"Probe with TCP SYN."`
	UDP    bool   `group:"Probes" short:"U" name:"udp" help:"Probe with UDP. This is the default."`
	Method method `group:"Probes" default:"udp" placeholder:"METHOD" help:"Kind of probe, as in scan: udp, icmp, tcp-syn (or tcp) or tcp-ack. Default: ${default}."`
	Port   port   `group:"Probes" short:"p" aliases:"dport" placeholder:"PORT" help:"Destination port, the same for all probes. Default: 33434 for UDP, 80 for TCP."`

	First   ttl   `group:"TTLs and time" short:"f" default:"1" placeholder:"TTL" help:"First TTL. Default: ${default}."`
	Max     ttl   `group:"TTLs and time" short:"m" default:"30" placeholder:"TTL" help:"Last TTL, at most 63. Default: ${default}."`
	Queries count `group:"TTLs and time" short:"q" default:"3" placeholder:"N" help:"Attempts at each TTL, at most 4. Default: ${default}."`
	Wait    wait  `group:"TTLs and time" short:"w" placeholder:"MAX[,HERE[,NEAR]]" help:"Maximum time to wait for a reply: MAX, in seconds or with a unit. With HERE: at most HERE times the RTT of another probe of the same TTL. With NEAR: at most NEAR times the RTT of the next higher TTL that answered. Default: 5,3,10, with an upper limit of 4 times the longest RTT of the trace. The limit is at least 0.3 s (1 s if no higher TTL answered)."`
	Flows   count `group:"Probes" default:"1" placeholder:"N" help:"Trace N flows and show the branches of load balancers, at most 64. A flow is probed again only at silent TTLs. Default: ${default}."`
	TOS     tos   `group:"Probes" short:"t" name:"tos" default:"0" placeholder:"TOS" help:"Type of service (IPv4) or traffic class (IPv6), 0 to 255. Default: ${default}."`

	Source    source `group:"Link" short:"s" placeholder:"ADDR" help:"Source address. Default: from the routing table."`
	Interface string `group:"Link" short:"i" placeholder:"NAME" complete:"interface" help:"Network interface. Default: from the routing table."`

	Extensions bool `group:"Output" short:"e" help:"Print the ICMP extensions of answers, such as MPLS labels."`
	Numeric    bool `group:"Output" short:"n" help:"Print addresses only. Do not ask the DNS for names."`
	JSON       bool `group:"Output" name:"json" help:"Print trace records, one per line, instead of text."`

	TraceHabits `embed:""`
}

// maxTraceFlows is how many flows a reply with one valid tag is still believed
// with.
const maxTraceFlows = 64

// Validate checks conditions that kong cannot.
func (c *TraceCmd) Validate() error {
	switch {
	case c.First > c.Max:
		return fmt.Errorf("-f %d and -m %d must be in order", c.First, c.Max)
	case c.Queries < 1 || c.Queries > probe.MaxAttempts:
		return fmt.Errorf("-q must be within 1 to %d", probe.MaxAttempts)
	case c.Flows < 1 || c.Flows > maxTraceFlows:
		return fmt.Errorf("--flows must be within 1 to %d", maxTraceFlows)
	case probe.Method(c.Method) == probe.ICMP && c.Port != 0:
		return errors.New("-p cannot be combined with --method icmp: ICMP has no ports; use -U or -T")
	}
	return c.refused()
}

// Help returns the text below the flags.
func (c *TraceCmd) Help() string {
	return "The rows have the format of traceroute. * is silence. !H, !N and !P: a host, a network or a protocol is unreachable. " +
		"!X: prohibited. !F-MTU: the probe was too large. With -e, <MPLS:L=label,E=class,S=bottom,T=TTL> is a stack of MPLS labels. " +
		"The exit status is 0 if all hosts answered, and 1 if a host did not answer."
}

// method returns the method of the flags; at most one of them is given.
func (c *TraceCmd) method() probe.Method {
	switch {
	case c.ICMP:
		return probe.ICMP
	case c.TCP:
		return probe.TCPSYN
	}
	return probe.Method(c.Method)
}

// config translates the flags.
func (c *TraceCmd) config(s streams) traceroute.Config {
	cfg := traceroute.Config{
		Hosts: c.Hosts, Family: traceroute.AnyFamily, Method: c.method(), DstPort: 33434,
		FirstTTL: uint8(c.First), MaxTTL: uint8(c.Max), Attempts: int(c.Queries), Flows: int(c.Flows),
		TOS: uint8(c.TOS), Patience: c.Wait.patience(), Interface: c.Interface, Source: c.Source.Addr,
		Numeric: c.Numeric, Extensions: c.Extensions,
	}
	if c.JSON {
		cfg.Traces = ndjson.NewWriter(s.Stdout, ndjson.Config{Hostname: plan.Hostname(), Bare: true})
	}
	switch {
	case c.IPv4:
		cfg.Family = traceroute.IPv4
	case c.IPv6:
		cfg.Family = traceroute.IPv6
	}
	switch cfg.Method {
	case probe.ICMP:
		cfg.DstPort = 0
	case probe.TCPSYN, probe.TCPACK:
		cfg.DstPort = 80
	}
	if c.Port != 0 {
		cfg.DstPort = uint16(c.Port)
	}
	return cfg
}

// statusUnanswered is the status of a trace to a host that did not answer.
const statusUnanswered = exitStatus(statusNo)

// Run only translates flags; the work is package traceroute's.
func (c *TraceCmd) Run(ctx context.Context, signals *signals, s streams) error {
	cfg := c.config(s)
	cfg.Stdout, cfg.Observer = s.Stdout, signals.watching(newConsole(s.Stderr, true))
	cfg.Opened = renounce(cap.NET_RAW) // for the next host
	addProcessors(1)
	answered, err := traceroute.Run(ctx, signals.Interrupted, cfg)
	status, signalled := signals.ended()
	switch {
	case signalled && (err == nil || errors.Is(err, run.ErrInterrupted)):
		return status
	case err == nil && !answered:
		return statusUnanswered
	}
	return err
}

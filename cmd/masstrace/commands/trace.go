package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"kernel.org/pub/linux/libs/security/libcap/cap"

	"github.com/masstrace/masstrace/internal/annotate"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/traceroute"
)

// TraceCmd traces the path to hosts for a person.
type TraceCmd struct {
	Hosts []string `arg:"" optional:"" name:"host" complete:"host" help:"Names or addresses of hosts; - reads them from standard input."`
	Lists []string `group:"Hosts" name:"hosts" placeholder:"FILE" sep:"none" help:"Also trace the hosts of FILE, one in each line; # begins a comment. Repeat it for more files; - is standard input. Default: none."`

	IPv4 bool `group:"Probes" short:"4" name:"ipv4" help:"Trace to an IPv4 address."`
	IPv6 bool `group:"Probes" short:"6" name:"ipv6" help:"Trace to an IPv6 address."`

	ICMP   bool   `group:"Probes" short:"I" name:"icmp" help:"Probe with ICMP echo."`
	TCP    bool   `group:"Probes" short:"T" name:"tcp" help:"Probe with TCP SYN."`
	UDP    bool   `group:"Probes" short:"U" name:"udp" help:"Probe with UDP. This is the default."`
	Method method `group:"Probes" default:"udp" placeholder:"METHOD" help:"Kind of probe, as in scan: udp, icmp, tcp-syn (or tcp) or tcp-ack. Default: ${default}."`
	Port   port   `group:"Probes" short:"p" aliases:"dport" placeholder:"PORT" help:"Destination port, the same for all probes. Default: 33434 for UDP, 80 for TCP."`

	First   ttl   `group:"TTLs and time" short:"f" default:"1" aliases:"first-ttl,min-ttl" placeholder:"TTL" help:"First TTL. Default: ${default}."`
	Max     ttl   `group:"TTLs and time" short:"m" default:"30" aliases:"max-hops,max-ttl" placeholder:"TTL" help:"Last TTL, at most 63. Default: ${default}."`
	Queries count `group:"TTLs and time" short:"q" default:"3" placeholder:"N" help:"Attempts at each TTL, at most 4. Default: ${default}."`
	Wait    wait  `group:"TTLs and time" short:"w" placeholder:"MAX[,HERE[,NEAR]]" help:"Maximum time to wait for a reply: MAX, in seconds or with a unit. With HERE: at most HERE times the RTT of another probe of the same TTL. With NEAR: at most NEAR times the RTT of the next higher TTL that answered. Default: 5,3,10, with an upper limit of 4 times the longest RTT of the trace. The limit is at least 0.3 s (1 s if no higher TTL answered)."`
	Gap     count `group:"TTLs and time" name:"gap-limit" default:"0" placeholder:"N" help:"Stop after N silent TTLs in a row. Default: no limit."`
	Flows   count `group:"Probes" default:"1" placeholder:"N" help:"Trace N flows and show the branches of load balancers, at most 64. A flow is probed again only at silent TTLs. Default: ${default}."`
	TOS     tos   `group:"Probes" short:"t" name:"tos" default:"0" placeholder:"TOS" help:"Type of service (IPv4) or traffic class (IPv6), 0 to 255. Default: ${default}."`

	Multipath  bool       `group:"Multipath" help:"Find all paths through load balancers and draw them, as scan --strategy multipath does. As many flows as needed are asked at each TTL; silent TTLs have at most two attempts."`
	Confidence confidence `group:"Multipath" placeholder:"P" help:"With --multipath: probability of finding all branches of a balancer, a number from 0.5 to 0.9999. Default: 0.95."`
	Overwrite  bool       `group:"Multipath" help:"Overwrite an existing file of --dot."`
	Dot        string     `group:"Multipath" placeholder:"FILE" help:"With --multipath: also write the paths to FILE as a graph in the language of Graphviz; - is standard output, in place of the drawing. Default: none."`

	Source    source `group:"Link" short:"s" placeholder:"ADDR" help:"Source address. Default: from the routing table."`
	Interface string `group:"Link" short:"i" placeholder:"NAME" complete:"interface" help:"Network interface. Default: from the routing table."`

	Extensions bool `group:"Output" short:"e" aliases:"mpls" help:"Print the ICMP extensions of answers, such as MPLS labels."`
	Numeric    bool `group:"Output" short:"n" aliases:"no-dns" help:"Print addresses only. Do not ask the DNS for names."`
	JSON       bool `group:"Output" name:"json" help:"Print trace records, one per line, instead of text."`

	AS bool `group:"Output" short:"a" name:"as" aliases:"as-path-lookups,aslookup" help:"Show the autonomous systems of the routers, from the databases of --annotate."`
	DatabaseFlags

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
		return fmt.Errorf("-q must be within 1 to %d; for more samples, trace again", probe.MaxAttempts)
	case c.Flows < 1 || c.Flows > maxTraceFlows:
		return fmt.Errorf("--flows must be within 1 to %d", maxTraceFlows)
	case probe.Method(c.Method) == probe.ICMP && c.Port != 0:
		return errors.New("-p cannot be combined with --method icmp: ICMP has no ports; use -U or -T")
	}
	if err := c.refused(); err != nil {
		return err
	}
	return errors.Join(c.checkHosts(), c.validateMultipath())
}

// checkHosts checks the arguments, and moves standard input from them to the lists.
func (c *TraceCmd) checkHosts() error {
	hosts := c.Hosts
	c.Hosts = nil
	for _, host := range hosts {
		if host == "-" {
			c.Lists = append(c.Lists, host)
			continue
		}
		if err := traceroute.CheckHost(host); err != nil {
			return errors.New(traceFlags.message(err))
		}
		c.Hosts = append(c.Hosts, host)
	}
	stdin := 0
	for _, list := range c.Lists {
		if list == "-" {
			stdin++
		}
	}
	switch {
	case stdin > 1:
		return errors.New("standard input (-) is named twice")
	case len(c.Hosts)+len(c.Lists) == 0:
		return errors.New("give a host, or --hosts FILE")
	}
	return nil
}

// lists opens the lists of hosts. The caller must close them.
func (c *TraceCmd) lists(s streams) (lists []traceroute.List, closeAll func(), err error) {
	var files []*os.File
	closeAll = func() {
		for _, f := range files {
			_ = f.Close()
		}
	}
	for _, name := range c.Lists {
		if name == "-" {
			lists = append(lists, traceroute.List{Name: "stdin", In: s.Stdin})
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, closeAll, err
		}
		files = append(files, f)
		lists = append(lists, traceroute.List{Name: name, In: f})
	}
	return lists, closeAll, nil
}

// Help returns the text below the flags.
func (c *TraceCmd) Help() string {
	return "The rows have the format of traceroute. * is silence; silent rows at the end of a path are one line. " +
		"!H, !N and !P: a host, a network or a protocol is unreachable. " +
		"!X: prohibited. !F-MTU: the probe was too large. With -e, <MPLS:L=label,E=class,S=bottom,T=TTL> is a stack of MPLS labels.\n\n" +
		"Several hosts are traced at the same time, at most 1,000 probes per second, and written in their order. " +
		"The exit status is 0 if all hosts answered, and 1 if a host did not answer. " +
		"If a host cannot be traced, the others are, and the status is 2, 3 or 4."
}

// listHint returns how to trace the hosts of a file, if err is about a host that is the name of a
// file.
func listHint(err error) string {
	unknown, ok := errors.AsType[*net.DNSError](err)
	if !ok {
		return ""
	}
	if info, err := os.Stat(unknown.Name); err != nil || info.IsDir() {
		return ""
	}
	return fmt.Sprintf("; to trace the hosts of the file: --hosts %s", shellWord(unknown.Name))
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

// annotator opens the databases; it returns nil if there are none, or if rows do not show them.
func (c *TraceCmd) annotator(ctx context.Context) (*annotate.Annotator, error) {
	asked := c.AS || c.ASNumbers
	if !asked && !c.JSON && len(c.Annotate) == 0 {
		return nil, nil
	}
	files, err := c.files()
	if err != nil {
		return nil, err
	}
	if len(files) == 0 && asked {
		return nil, plan.Refuse("AS", "there is no database: give --annotate FILE, or put files into %s", databaseFolder)
	}
	return openDatabases(ctx, annotate.Config{Annotate: files})
}

// config translates the flags.
func (c *TraceCmd) config(s streams, known *annotate.Annotator) traceroute.Config {
	cfg := traceroute.Config{
		Hosts: c.Hosts, Family: traceroute.AnyFamily, Method: c.method(), DstPort: 33434,
		FirstTTL: uint8(c.First), MaxTTL: uint8(c.Max), Attempts: int(c.Queries), Flows: int(c.Flows),
		TOS: uint8(c.TOS), Patience: c.Wait.patience(), Interface: c.Interface, Source: c.Source.Addr,
		Numeric: c.Numeric, Extensions: c.Extensions, GapLimit: int(c.Gap), Stdout: plaintext.NewWriter(s.Stdout), Columns: columnsOf(s.Stdout),
	}
	var change func(record.Record)
	if known != nil {
		shared := &sharedAnnotator{a: known}
		change, cfg.Annotate, cfg.Label = shared.record, shared.of, annotate.Label
	}
	if c.JSON {
		hostname := plan.Hostname()
		cfg.Traces = func(out io.Writer) format.Writer {
			return format.Changed(ndjson.NewWriter(out, ndjson.Config{Hostname: hostname, Bare: true}), change)
		}
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
func (c *TraceCmd) Run(ctx context.Context, signals *signals, s streams) (err error) {
	if err := s.apart("Lists", c.Lists...); err != nil {
		return err
	}
	if err := link.MayRenounce(); err != nil { // before a socket is opened
		return err
	}
	known, err := c.annotator(ctx)
	if err != nil {
		return err
	}
	cfg := c.config(s, known)
	lists, closeLists, err := c.lists(s)
	defer closeLists()
	if err != nil {
		return err
	}
	if c.Multipath {
		graph, err := c.searchPaths(&cfg, s)
		if err != nil {
			return err
		}
		if graph != nil {
			defer func() { err = errors.Join(err, graph.Close()) }()
		}
	}
	console := newConsole(s, true)
	cfg.Lists, cfg.Observer = lists, console
	cfg.Opened = renounce(cap.NET_RAW) // for the next host
	cfg.Failed = func(err error) {
		if !errors.Is(err, syscall.EPIPE) { // a reader that goes away needs no message
			console.alert(traceFlags.message(err) + listHint(err))
		}
	}
	addProcessors(1)
	signals.began() // the first signal ends all traces where they are, also one that has not begun
	answered, err := traceroute.Run(ctx, signals.Interrupted, cfg)
	status, signalled := signals.ended()
	switch {
	case signalled && (err == nil || errors.Is(err, run.ErrInterrupted)):
		return status
	case err != nil:
		return exitStatus(statusOf(err)) // Failed has written the message
	case !answered:
		return statusUnanswered
	}
	return annotated(nil, known)
}

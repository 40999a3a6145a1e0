package commands

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/annotate"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/traceroute"
	"github.com/masstrace/masstrace/internal/watch"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/watch/table"
)

// WatchCmd watches the paths to hosts.
type WatchCmd struct {
	Hosts []string `arg:"" optional:"" name:"host" complete:"host" help:"Names or addresses of hosts."`

	IPv4   bool   `group:"Probes" short:"4" name:"ipv4" help:"Probe IPv4 addresses."`
	IPv6   bool   `group:"Probes" short:"6" name:"ipv6" help:"Probe IPv6 addresses."`
	ICMP   bool   `group:"Probes" short:"I" name:"icmp" help:"Probe with ICMP echo."`
	TCP    bool   `group:"Probes" short:"T" name:"tcp" help:"Probe with TCP SYN."`
	UDP    bool   `group:"Probes" short:"U" name:"udp" help:"Probe with UDP. This is the default."`
	Method method `group:"Probes" default:"udp" placeholder:"METHOD" help:"Kind of probe, as in scan: udp, icmp, tcp-syn (or tcp) or tcp-ack. Default: ${default}."`
	Port   port   `group:"Probes" short:"p" aliases:"dport" placeholder:"PORT" help:"Destination port, the same for all probes. Default: 33434 for UDP, 80 for TCP."`
	Flows  count  `group:"Probes" default:"1" placeholder:"N" help:"Probe N flows to each host, at most 64. Each has its own rows. Default: ${default}."`
	TOS    tos    `group:"Probes" short:"t" name:"tos" default:"0" placeholder:"TOS" help:"Type of service (IPv4) or traffic class (IPv6), 0 to 255. Default: ${default}."`

	First    ttl      `group:"TTLs and time" short:"f" default:"1" aliases:"first-ttl,min-ttl" placeholder:"TTL" help:"First TTL. Default: ${default}."`
	Max      ttl      `group:"TTLs and time" short:"m" default:"30" aliases:"max-hops,max-ttl" placeholder:"TTL" help:"Last TTL, at most 63. Default: ${default}."`
	Interval timespan `group:"TTLs and time" default:"1s" placeholder:"TIME" help:"Time from one cycle to the next, at least 0.1, in seconds or with a unit. A cycle is one probe to each TTL. Default: ${default}."`
	Count    count    `group:"TTLs and time" short:"c" aliases:"report-cycles" placeholder:"N" help:"End after N cycles. Default: 10 for a report, else no limit."`
	Wait     timespan `group:"TTLs and time" short:"w" default:"2s" placeholder:"TIME" help:"Time to wait for an answer, in seconds or with a unit; at most 3 intervals. A later answer counts as late. Default: ${default}."`

	Source    source `group:"Link" short:"s" placeholder:"ADDR" help:"Source address. Default: from the routing table."`
	Interface string `group:"Link" short:"i" placeholder:"NAME" complete:"interface" help:"Network interface. Default: from the routing table."`

	Columns string   `group:"Output" placeholder:"LIST" help:"Columns and their order, separated by commas: loss, drop, recv, sent, late, last, avg, best, worst, stdev, jitter, jlast, jmax, jint, p50, p90, p95, p99; in reports also as, marks and history. Default: loss,sent,last,avg,best,worst,stdev, and on a terminal jitter and p95."`
	Numeric bool     `group:"Output" short:"n" aliases:"no-dns" help:"Show addresses only. Do not ask the DNS for names."`
	Report  bool     `group:"Output" short:"r" aliases:"report-wide" help:"Print a table at the end, as mtr --report does. This is the default if the output is not a terminal."`
	JSON    bool     `group:"Output" name:"json" help:"Print one JSON object at the end."`
	Stream  bool     `group:"Output" help:"Print each sample and each change when it happens, one JSON object per line."`
	Plain   bool     `group:"Output" help:"Print a table again and again, for screen readers and logs."`
	Every   timespan `group:"Output" default:"10s" placeholder:"TIME" help:"With --plain: time from one table to the next, in seconds or with a unit. Default: ${default}."`

	Metrics string `group:"Output" placeholder:"ADDR" help:"Serve metrics of each host for Prometheus at http://ADDR/metrics. ADDR is HOST:PORT; a port alone is served to this machine only. Default: none."`

	Record    string `group:"Recording" placeholder:"FILE" help:"Also write all samples and changes to FILE; compressed if it ends in .gz or .zst. Default: none."`
	Overwrite bool   `group:"Recording" help:"Overwrite an existing file of --record."`
	Replay    string `group:"Recording" placeholder:"FILE" help:"Show the watch that --record has written to FILE, and send nothing. Default: none."`
	Speed     speed  `group:"Recording" default:"1" placeholder:"X" help:"With --replay on a terminal: X times as fast as the watch was, a number from 0; 0 is at once. Default: ${default}."`

	AS bool `group:"Output" short:"a" name:"as" aliases:"aslookup" help:"Show the autonomous systems of the routers, from the databases of --annotate."`
	DatabaseFlags
}

// reportCycles is how many cycles a report has, as that of mtr.
const reportCycles = 10

// Validate checks conditions that kong cannot.
func (c *WatchCmd) Validate() error {
	switch {
	case c.First > c.Max:
		return fmt.Errorf("-f %d and -m %d must be in order", c.First, c.Max)
	case c.Flows < 1 || c.Flows > maxTraceFlows:
		return fmt.Errorf("--flows must be within 1 to %d", maxTraceFlows)
	case probe.Method(c.Method) == probe.ICMP && c.Port != 0:
		return errors.New("-p cannot be combined with --method icmp: ICMP has no ports; use -U or -T")
	case time.Duration(c.Interval) < watch.LeastInterval:
		return fmt.Errorf("--interval must be at least %v", watch.LeastInterval)
	case time.Duration(c.Wait) <= 0:
		return errors.New("-w must be more than 0")
	case time.Duration(c.Every) < time.Second:
		return errors.New("--every must be at least 1s")
	case len(c.Hosts) == 0 && c.Replay == "":
		return errors.New("give a host, or --replay FILE")
	case len(c.Hosts) > 0 && c.Replay != "":
		return errors.New("--replay shows the hosts of its file: give no host")
	}
	for _, host := range c.Hosts {
		if err := traceroute.CheckHost(host); err != nil {
			return errors.New(watchFlags.message(err))
		}
	}
	_, err := c.columns(false)
	return errors.Join(err, checkReports("", c.Metrics))
}

// Help returns the text below the flags.
func (c *WatchCmd) Help() string {
	return "On a terminal the paths are shown live; the key ? shows all keys. Else a report of 10 cycles is printed. " +
		"A loss with the note limit is none: the router limits its answers, and later hops lose fewer.\n\n" +
		"The exit status is 0 if all hosts answered, or if the user quits, and 1 if a host did not answer."
}

// columns returns the columns of a table.
func (c *WatchCmd) columns(screen bool) ([]table.Column, error) {
	switch {
	case c.Columns != "":
		list, err := table.Parse(c.Columns)
		if err != nil {
			return nil, fmt.Errorf("--columns: %w", err)
		}
		return list, nil
	case screen:
		return table.Parse(table.DefaultColumns + ",jitter,p95")
	}
	return table.Parse(table.DefaultColumns)
}

// method returns the method of the flags; at most one of them is given.
func (c *WatchCmd) method() probe.Method {
	switch {
	case c.ICMP:
		return probe.ICMP
	case c.TCP:
		return probe.TCPSYN
	}
	return probe.Method(c.Method)
}

// config translates the flags.
func (c *WatchCmd) config() watch.Config {
	cfg := watch.Config{
		Flows: int(c.Flows), Method: c.method(), DstPort: 33434, FirstTTL: uint8(c.First), MaxTTL: uint8(c.Max), TOS: uint8(c.TOS),
		Interval: time.Duration(c.Interval), Wait: time.Duration(c.Wait), Count: uint32(c.Count),
		Interface: c.Interface, Source: c.Source.Addr, Opened: renounce(),
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

// targets finds the addresses of the hosts.
func (c *WatchCmd) targets(ctx context.Context) (list []board.Target, err error) {
	family := traceroute.AnyFamily
	switch {
	case c.IPv4:
		family = traceroute.IPv4
	case c.IPv6:
		family = traceroute.IPv6
	}
	for _, host := range c.Hosts {
		a, err := traceroute.Resolve(ctx, family, c.Source.Addr, host)
		if err != nil {
			return nil, err
		}
		list = append(list, board.Target{Name: host, Addr: a})
	}
	return list, nil
}

// annotator opens the databases; it returns nil if there are none.
func (c *WatchCmd) annotator(ctx context.Context) (*annotate.Annotator, error) {
	files, err := c.files()
	if err != nil {
		return nil, err
	}
	if len(files) == 0 && c.AS {
		return nil, plan.Refuse("AS", "there is no database: give --annotate FILE, or put files into %s", databaseFolder)
	}
	return openDatabases(ctx, annotate.Config{Annotate: files})
}

// look returns how addresses look, and starts look-ups of names until ctx ends.
func (c *WatchCmd) look(ctx context.Context, known *annotate.Annotator, flows int) (table.Look, func()) {
	l := table.Look{ASCII: !hasBoxes(), Flows: flows > 1}
	wait := func() {}
	if !c.Numeric {
		names := traceroute.NewNames(ctx)
		l.Name, wait = names.Name, names.Wait
	}
	if known != nil {
		shared, cached := &sharedAnnotator{a: known}, map[netip.Addr]string{}
		l.Label = func(a netip.Addr) string {
			text, ok := cached[a]
			if !ok {
				text = plaintext.Clean(annotate.Label(shared.of(probe.AddrFrom(a))))
				cached[a] = text
			}
			return text
		}
	}
	return l, wait
}

// mayBegin refuses a watch that cannot send, before a file is opened.
func (c *WatchCmd) mayBegin() error {
	if c.Replay != "" {
		return nil
	}
	return link.MayRenounce()
}

// watch returns the watch that trace --watch means.
func (c *TraceCmd) watch() *WatchCmd {
	return &WatchCmd{
		Hosts: c.Hosts, IPv4: c.IPv4, IPv6: c.IPv6, ICMP: c.ICMP, TCP: c.TCP, UDP: c.UDP, Method: c.Method, Port: c.Port,
		Flows: c.Flows, TOS: c.TOS, First: c.First, Max: c.Max,
		Interval: timespan(watch.DefaultInterval), Wait: timespan(watch.DefaultWait), Every: timespan(10 * time.Second),
		Source: c.Source, Interface: c.Interface, Numeric: c.Numeric, JSON: c.JSON, Report: c.Report,
		AS: c.AS || c.ASNumbers, DatabaseFlags: c.DatabaseFlags, Speed: 1,
	}
}

package masstrace

import (
	"cmp"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/scan"
	"github.com/masstrace/masstrace/internal/session"
)

// Method is the way of probing.
type Method string

// The methods. UDP is the default.
const (
	UDP    Method = "udp"
	ICMP   Method = "icmp"
	TCPSYN Method = "tcp-syn"
	TCPACK Method = "tcp-ack"
)

// Strategy is which TTLs are probed.
type Strategy string

// The strategies. Complete is the default.
const (
	Complete   Strategy = "complete"   // all TTLs up to the end of each path, few beyond it
	Topology   Strategy = "topology"   // those that show the network's interfaces
	Exhaustive Strategy = "exhaustive" // all
)

// Config is a scan. The zero value of a field is its default.
type Config struct {
	// Targets are addresses, prefixes and ranges (192.0.2.7-192.0.2.9), or files with one
	// of these a line. Each /24 (IPv6: /48) gets PerPrefix targets, which the seed chooses;
	// a single address is always one.
	Targets []string
	// Exclude is never probed. Special-purpose addresses (RFC 6890) are excluded unless
	// AllowReserved is set.
	Exclude       []string
	AllowReserved bool
	PerPrefix     int // 1
	MaxTargets    int // 0: all

	// Seed determines targets, order and flows. Two scans with the same seed send the same
	// probes, except for the authentication tags. The default is random.
	Seed string

	Method   Method   // UDP
	Port     int      // destination port: 33434, and 80 of TCP
	TOS      int      // type of service, or traffic class
	MinTTL   int      // 1
	MaxTTL   int      // 32; 63 at most
	Attempts int      // at each TTL that does not answer: 1; 4 at most
	Flows    int      // paths through load balancers that are probed: 1
	Strategy Strategy // Complete
	GapLimit int      // silent TTLs in a row that end a path: 5, of Topology 3

	RatePPS    float64       // probes per second: 10,000; Unlimited
	Wait       time.Duration // for replies to the last probe of a window: 2 s
	MaxRuntime time.Duration // after which no more probes are sent; 0: never
	Memory     int64         // bytes for targets that are being traced: 512 MiB
	Senders    int           // threads that send: 1

	Interface string       // the route's
	Sources   []netip.Addr // at most one of each family; the interface's

	// Output is a file that gets all records, compressed if its name ends in .gz or .zst. The
	// ending before that is its format (docs/formats.md); without one it is NDJSON. The default is
	// no file. An existing file is an error that wraps fs.ErrExist, unless Overwrite is set.
	Output    string
	Overwrite bool
	// ReplyOutput and MetaOutput are files for the replies, and for all records but traces and
	// replies (the run, its summary, trace-ext). Output then does not get these records.
	// ReplyOutput implies Replies.
	ReplyOutput, MetaOutput string
	// Replies is set to get replies, too: in sinks that implement ReplySink, and in Output.
	Replies bool

	// Stop stops the sending when it is closed. Scan then waits for replies, and returns the
	// summary so far with an *IncompleteError.
	Stop <-chan struct{}
	// Progress, unless it is nil, is called once a second.
	Progress func(Progress)
	// Notice, unless it is nil, is called with sentences about the run: a link that went
	// down, targets with odd prefixes, and the like.
	Notice func(text string)
}

// Unlimited is a rate without a limit: as fast as the link takes probes.
const Unlimited = -1

// Progress is how far a scan has come.
type Progress struct {
	Elapsed, Left time.Duration
	Share         float64 // of the probes that may be made, decided: 0 to 1
	Sent          uint64  // probes
	RatePPS       float64 // in the last second
	Answered      uint64  // probes
	Drops         uint64  // frames that the kernel dropped
}

// Defaults of the fields of Config.
const (
	defaultRate   = 10_000
	defaultWait   = 2 * time.Second
	defaultMemory = 512 << 20
	defaultMaxTTL = 32
)

// ports are the default destination ports.
var ports = map[Method]int{UDP: 33434, TCPSYN: 80, TCPACK: 80}

// plan returns the configuration of the plan, with defaults.
func (c *Config) plan() (plan.Config, error) {
	p := plan.Config{
		Targets: c.Targets, Exclude: c.Exclude, Stdin: strings.NewReader(""), AllowReserved: c.AllowReserved,
		Granularity4: 24, Granularity6: 48, Seed: c.Seed, Sources: c.Sources,
		Strategy: record.Strategy{Strategy: string(cmp.Or(c.Strategy, Complete)), GapLimit: c.GapLimit},
		Wait:     cmp.Or(c.Wait, defaultWait), Memory: uint64(cmp.Or(c.Memory, defaultMemory)), Senders: cmp.Or(c.Senders, 1),
		Flows: cmp.Or(c.Flows, 1), Attempts: cmp.Or(c.Attempts, 1), RatePPS: cmp.Or(c.RatePPS, defaultRate),
		Records: record.Traces,
	}
	if c.RatePPS == Unlimited {
		p.RatePPS = 0
	}
	if c.Replies {
		p.Records = record.Both
	}
	var err error
	if p.Method, err = probe.ParseMethod(string(cmp.Or(c.Method, UDP))); err != nil {
		return p, &ConfigError{Field: "Method", Err: err}
	}
	minTTL, maxTTL := cmp.Or(c.MinTTL, 1), cmp.Or(c.MaxTTL, defaultMaxTTL)
	for _, limit := range []struct {
		field           string
		value, low, top int
	}{
		{"MinTTL", minTTL, 1, maxTTL}, {"MaxTTL", maxTTL, minTTL, probe.MaxTTL},
		{"Attempts", p.Attempts, 1, probe.MaxAttempts}, {"Flows", p.Flows, 1, 1<<15 - 1},
		{"Port", c.Port, 0, 1<<16 - 1}, {"TOS", c.TOS, 0, 1<<8 - 1}, {"GapLimit", c.GapLimit, 0, probe.MaxTTL},
		{"PerPrefix", c.PerPrefix, 0, 1 << 30}, {"MaxTargets", c.MaxTargets, 0, 1 << 62},
		{"Senders", p.Senders, 1, 64},
	} {
		if limit.value < limit.low || limit.value > limit.top {
			return p, plan.Refuse(limit.field, "%d is not from %d to %d", limit.value, limit.low, limit.top)
		}
	}
	if p.RatePPS < 0 || p.Wait < 0 || c.Memory < 0 || c.MaxRuntime < 0 {
		return p, plan.Refuse("", "a rate, a time or a size is negative")
	}
	p.MinTTL, p.MaxTTL, p.TOS = uint8(minTTL), uint8(maxTTL), uint8(c.TOS)
	p.DstPort = uint16(cmp.Or(c.Port, ports[cmp.Or(c.Method, UDP)]))
	if p.Method == probe.ICMP {
		p.DstPort = 0
	}
	p.PerPrefix, p.MaxTargets = uint64(cmp.Or(c.PerPrefix, 1)), uint64(c.MaxTargets)
	return p, nil
}

// scan returns the configuration of the program.
func (c *Config) scan() (scan.Config, error) {
	p, err := c.plan()
	if err == nil {
		err = checkOutput(c.Output)
	}
	return scan.Config{
		Config: p, Link: session.Config{Interface: c.Interface}, MaxRuntime: c.MaxRuntime,
		Output: c.Output, ReplyOutput: c.ReplyOutput, MetaOutput: c.MetaOutput, Existing: outfile.ExistingIf(c.Overwrite), Stdout: io.Discard, Tool: tool,
	}, err
}

// checkOutput refuses the name of an output file that ends as those of other formats do.
func checkOutput(path string) error {
	if _, err := all.FormatOf("Output", path); err != nil {
		return &ConfigError{Field: "Output", Err: err}
	}
	return nil
}

// tool is the name of the program in run records.
const tool = "masstrace/library"

// observer passes progress, notices and the summary on.
type observer struct {
	progress func(Progress)
	notice   func(string)
	summary  *record.Summary
}

// Event implements observe.Observer.
func (o *observer) Event(e observe.Event) {
	switch e := e.(type) {
	case observe.Began, observe.Recorded:
	case observe.Finished:
		o.summary = e.Summary
	default:
		if o.notice != nil {
			o.notice(e.String())
		}
	}
}

// Progress implements observe.Observer.
func (o *observer) Progress(p observe.Progress) {
	if o.progress != nil {
		o.progress(Progress{
			Elapsed: p.Elapsed, Left: p.Left, Share: p.Share, Sent: p.Sent, RatePPS: p.RatePPS,
			Answered: p.Answered, Drops: p.Drops,
		})
	}
}

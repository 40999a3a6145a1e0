package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/multipath"
	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/schedule"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
)

// Plan is the plan of a scan, made without using the network. The sources
// and the fields of the link are filled in when the route is found.
type Plan struct {
	Params
	ProbeMethod probe.Method // of Params.Method
	Seed128     [16]byte     // of Params.Seed
	Key         [16]byte

	Include *target.Lines
	Exclude target.Set // that the index was made without
	// ExcludedSince are exclusions that came when the run had begun.
	ExcludedSince target.Set
	List          *target.List
	Order         *target.Order
	Windows       uint64

	lists   []string          // the names of the target lists
	family  intake.Family     // of Include
	memory  uint64            // bytes of each target
	paths   *multipath.Config // of strategy multipath, else nil
	known   *window.StopSet   // of strategy topology, when it was used
	learned *Learned          // nil if the run has a memory of its own
}

// Began is the beginning of a resumed run. Its zero value is a new run.
type Began struct {
	Params  *Params    // nil for a new run
	Exclude target.Set // that the index was made without
	Since   target.Set // excluded since
	// ReadSHA256 is the digest of the exclusion files when they were last read again, or
	// "". These files may lack addresses that the run excludes: they were removed from the
	// files before that time.
	ReadSHA256 string
}

// New works out the plan of c. Empty seeds and keys in c are filled in. ctx ends look-ups of names.
// An error is a *ConfigError, that of a file that cannot be read, or that of ctx.
func New(ctx context.Context, c *Config, began Began) (*Plan, error) {
	if c.Seed == "" {
		if c.Shards > 1 {
			return nil, Refuse("Shard", "a shard needs a seed: all shards of a scan must have the same seed")
		}
		c.Seed = RandomHex(8)
	}
	c.Key = cmp.Or(c.Key, RandomHex(16))
	p := &Plan{ProbeMethod: c.Method, Seed128: SeedOf(c.Seed), learned: c.Learned}
	if err := p.setParams(c); err != nil {
		return nil, err
	}
	if err := p.readTargets(ctx, c, began); err != nil {
		return nil, err
	}
	if err := p.Index(); err != nil {
		return nil, err
	}
	if err := p.checkSources(c); err != nil {
		return nil, err
	}
	if err := p.setPace(c); err != nil {
		return nil, err
	}
	return p, p.sizeWindows(c, began)
}

// setParams fills in the fields that follow from c alone.
func (p *Plan) setParams(c *Config) (err error) {
	if p.Key, err = KeyOf(c.Key); err != nil {
		return err
	}
	asked := c.Strategy
	asked.Strategy = cmp.Or(asked.Strategy, Complete)
	strategy, err := withDefaults(asked)
	if err != nil {
		return err
	}
	p.Params = Params{
		Masstrace: ParamsVersion, Seed: c.Seed, KeyID: KeyID(p.Key),
		Method: c.Method.String(), DstPort: c.DstPort, TOS: c.TOS, PortLow: c.PortLow, PortHigh: c.PortHigh,
		PerPrefix: c.PerPrefix, Granularity4: c.Granularity4, Granularity6: c.Granularity6,
		Shard: c.Shard, Shards: c.Shards, MaxTargets: c.MaxTargets, HostRule: ruleName(c.HostRule),
		RatePPS: c.RatePPS, RateAuto: c.AutoRate, Burst: c.Burst, WaitNS: int64(c.Wait), Strategy: strategy,
		NoStop: c.NoStop, PerHopRate: c.PerHopRate, PrefixRate: c.PrefixRate,
		Shape:   window.Shape{FirstTTL: c.MinTTL, LastTTL: c.MaxTTL, Flows: c.Flows, Attempts: c.Attempts},
		Records: c.Records, Packing: c.Packing, Format: c.Format, ReplyPacking: c.ReplyPacking, MetaPacking: c.MetaPacking,
		AllowReserved: c.AllowReserved, Senders: max(c.Senders, 1),
	}
	if strategy.Strategy == Multipath {
		p.Asked = c.Attempts
	}
	if err := p.setMultipath(); err != nil || p.paths == nil {
		return err
	}
	p.Shape = schedule.MultipathShape(p.Shape, p.paths)
	return nil
}

// ruleName returns the name of a host rule as parameters have it: "" for the default.
func ruleName(rule string) string {
	if rule == (target.HostRule{}).String() {
		return ""
	}
	return rule
}

// readTargets reads the lists. A resumed run keeps the exclusions of its index. Further
// addresses in the files are excluded from now on.
func (p *Plan) readTargets(ctx context.Context, c *Config, began Began) error {
	if err := p.readIncluded(ctx, c, began); err != nil {
		return err
	}
	excluded, err := c.excluded(c.Stdin)
	if err != nil {
		return ListError("Exclude", err)
	}
	c.warnHostBits("exclusions", excluded)
	p.Exclude = c.withReserved(excluded.Set())
	if began.Params != nil {
		now := p.Exclude
		if gone := began.Exclude.Minus(now); !gone.IsEmpty() && now.Digest() != began.ReadSHA256 {
			return Refuse("Exclude", "ranges that the stopped run excluded are missing (%d): a resumed run may exclude more, and never less", gone.Ranges())
		}
		p.Exclude, p.ExcludedSince = began.Exclude, began.Since.Union(now.Minus(began.Exclude))
	}
	p.TargetsSHA256, p.ExcludeSHA256 = p.Include.Digest(), p.Exclude.Digest()
	return nil
}

// readIncluded reads the lists of targets. A resumed run keeps the addresses of names.
func (p *Plan) readIncluded(ctx context.Context, c *Config, began Began) error {
	asked := intake.Config{
		Args: c.Targets, Stdin: c.Stdin, Column: c.Column, Results: c.FromResults, Where: c.Where, Family: c.Family, Names: c.Resolver,
	}
	if began.Params != nil {
		asked.Known = began.Params.Names
	}
	lists, err := intake.Read(ctx, asked)
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		if _, ok := errors.AsType[*intake.NotFoundError](err); ok {
			return err // the request may be right
		}
		return ListError("Targets", err)
	}
	p.Include, p.Names = lists.Lines, lists.Names
	p.lists = slices.Concat(c.Targets, c.FromResults)
	p.family = c.Family
	c.warnHostBits("targets", p.Include)
	for _, text := range lists.Warnings {
		if c.Warn != nil {
			c.Warn("warning: targets: " + text)
		}
	}
	return nil
}

// excluded reads the exclusions.
func (c *Config) excluded(stdin io.Reader) (*target.Lines, error) {
	lists, err := intake.Read(context.Background(), intake.Config{Args: c.Exclude, Stdin: stdin})
	if err != nil {
		return nil, err
	}
	return lists.Lines, nil
}

// ReadExclude reads the exclusions again during a run.
func (c *Config) ReadExclude() (target.Set, error) {
	if slices.Contains(c.Exclude, "-") {
		return target.Set{}, errors.New("standard input cannot be read again: exclusions must be files or addresses")
	}
	lines, err := c.excluded(strings.NewReader(""))
	if err != nil {
		return target.Set{}, err
	}
	return c.withReserved(lines.Set()), nil
}

// Excluded reads the exclusions at the beginning of a run.
func (c *Config) Excluded() (target.Set, error) {
	lines, err := c.excluded(c.Stdin)
	if err != nil {
		return target.Set{}, ListError("Exclude", err)
	}
	return c.withReserved(lines.Set()), nil
}

// ListError returns the error of a list as a ConfigError. If it wraps an *fs.PathError, a file
// cannot be read, and the request may be right.
func ListError(field string, err error) error {
	if other, ok := errors.AsType[*intake.FieldError](err); ok {
		field = other.Field
	}
	return &ConfigError{field, err}
}

// withReserved adds special-purpose addresses to the exclusions.
func (c *Config) withReserved(excluded target.Set) target.Set {
	if c.AllowReserved {
		return excluded
	}
	return excluded.Union(target.ReservedSet())
}

func (c *Config) warnHostBits(what string, l *target.Lines) {
	if n, first := l.HostBits(); n > 0 && c.Warn != nil {
		c.Warn(fmt.Sprintf("warning: %s: the host bits of a prefix are ignored: %s; prefixes with such bits: %d", what, first, n))
	}
}

// Index puts all included addresses that are not excluded in the order of the parameters.
func (p *Plan) Index() (err error) {
	hosts, err := target.ParseHostRule(p.HostRule)
	if err != nil {
		return &ConfigError{"HostRule", err}
	}
	p.List, err = target.NewList(target.Config{
		Include: p.Include, Exclude: p.Exclude, Seed: permute.Key(p.Seed128), Hosts: hosts,
		PerPrefix: p.PerPrefix, Granularity4: p.Granularity4, Granularity6: p.Granularity6,
	})
	if _, ok := errors.AsType[*target.HostRuleError](err); ok {
		return &ConfigError{"HostRule", err}
	}
	if err != nil {
		return &ConfigError{"Targets", err}
	}
	p.Order, err = p.List.Order(target.OrderConfig{
		Shard: p.Shard, Shards: p.Shards, MaxTargets: p.MaxTargets, Together: p.together(),
	})
	if err != nil {
		return &ConfigError{"Shard", err}
	}
	if p.List.Len() == 0 {
		if p.Include.IsEmpty() {
			return Refuse("Targets", "%s", p.emptyWords())
		}
		if !p.AllowReserved && p.LeftOut().Excluded.Addresses == 0 {
			return Refuse("AllowReserved", "no target is left: without this option, special-purpose addresses are excluded")
		}
		return Refuse("Targets", "no target is left: all are excluded")
	}
	return nil
}

// Has reports whether targets of a family are probed.
func (p *Plan) Has(is4 bool) bool {
	if is4 {
		return p.List.Len4() > 0
	}
	return p.List.Len4() < p.List.Len()
}

// checkSources refuses a source that no probe would have.
func (p *Plan) checkSources(c *Config) error {
	for _, s := range c.Sources {
		if p.Has(s.Is4()) {
			return nil
		}
	}
	if len(c.Sources) > 0 {
		return Refuse("Sources", "%v: no target has this address family", c.Sources[0])
	}
	return nil
}

// The sources of probes until the real ones are known: documentation addresses
// (RFC 5737, RFC 3849).
var (
	ExampleSource4 = netip.AddrFrom4([4]byte{192, 0, 2, 1})
	ExampleSource6 = netip.MustParseAddr("2001:db8::1")
)

// CodecConfig returns the codec's part of the plan. Families whose source is not known
// yet have an example.
func (p *Plan) CodecConfig() codec.Config {
	c := p.Codec(p.ProbeMethod, p.Key)
	if !c.Source4.IsValid() && !c.Source6.IsValid() {
		c.Source4, c.Source6 = ExampleSource4, ExampleSource6
	}
	return c
}

// setPace works out rate and burst.
func (p *Plan) setPace(c *Config) error {
	unbound, err := codec.New(p.CodecConfig())
	if err != nil {
		return &ConfigError{"", err}
	}
	if c.Bandwidth > 0 {
		p.RatePPS = c.Bandwidth / WireBits(unbound.Size(!p.Has(false)))
	}
	if p.Burst == 0 && !c.AutoRate { // which follows the rate
		p.Burst = ratelimit.DefaultBurst(p.RatePPS)
	}
	return nil
}

// WireBits is the number of bits of such a probe on an Ethernet wire, including header,
// check sequence, preamble and gap.
func WireBits(size int) float64 {
	const ethernet = 14 + 4 + 8 + 12
	return 8 * float64(size+ethernet)
}

// Name fills in the time and place at which the run began, and the program. A resumed run
// keeps its name and ports.
func (p *Plan) Name(start time.Time, began Began, tool string, argv []string) {
	p.Run, p.Hostname, p.StartNS, p.Tool, p.Argv = RunID(start), Hostname(), start.UnixNano(), tool, argv
	if began.Params != nil {
		p.Run, p.Avoid = began.Params.Run, append([]uint16{}, began.Params.Avoid...)
	}
}

// Hostname returns the name of this machine.
func Hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}

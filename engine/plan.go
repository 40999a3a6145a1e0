package engine

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/bits"
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/ratelimit"
)

// plan is a scan worked out as far as it goes without touching the network.
type plan struct {
	seed, key [16]byte

	include *target.Lines
	exclude target.Set
	// excludedSince is what a run that goes on excluded after it had begun.
	excludedSince target.Set
	list          *target.List
	order         *target.Order
	has4          bool
	has6          bool

	ratePPS float64
	burst   int
	shape   window.Shape
	windows uint64
	strategy
}

// Bounds of a window (all in probing time, but for minTargets).
const (
	windowTime = 10 * time.Second
	windowMost = 60 * time.Second
	minTargets = 64
)

func newPlan(c *Config, k *keeper) (*plan, error) {
	p := &plan{seed: seedOf(c.Seed)}
	p.strategy = strategy{cmp.Or(c.Strategy, Complete), c.GapLimit, c.Overlap, c.Stitch}.withDefaults()
	var err error
	if p.key, err = keyOf(c.Key); err != nil {
		return nil, err
	}
	if err := p.readTargets(c); err != nil {
		return nil, err
	}
	if p.exclude, p.excludedSince, err = k.excludes(p.exclude); err != nil {
		return nil, err
	}
	if err := p.indexTargets(c); err != nil {
		return nil, err
	}
	if err := p.checkSources(c); err != nil {
		return nil, err
	}
	unbound, err := codec.New(p.codecConfig(c))
	if err != nil {
		return nil, &Error{Usage, err}
	}
	p.ratePPS = c.RatePPS
	if c.Bandwidth > 0 {
		p.ratePPS = c.Bandwidth / wireBits(unbound.Size(!p.has6))
	}
	p.burst = c.Burst
	if p.burst == 0 && !c.AutoRate { // which follows the rate
		p.burst = ratelimit.DefaultBurst(p.ratePPS)
	}
	p.shape = window.Shape{
		FirstTTL: c.MinTTL, LastTTL: c.MaxTTL, Flows: c.Flows, Attempts: c.Attempts,
	}
	if err := p.sizeWindows(c); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *plan) readTargets(c *Config) error {
	var err error
	if p.include, err = target.ParseArgs(c.Targets, c.Stdin); err != nil {
		return listFault("targets", err)
	}
	excluded, err := target.ParseArgs(c.Exclude, c.Stdin)
	if err != nil {
		return listFault("--exclude", err)
	}
	warnHostBits(c, "targets", p.include)
	warnHostBits(c, "--exclude", excluded)
	p.exclude = withReserved(excluded.Set(), c)
	return nil
}

// listFault says what is wrong with a list: most often what is in it.
func listFault(what string, err error) error {
	err = fmt.Errorf("%s: %w", what, err)
	if errors.Is(err, fs.ErrPermission) {
		return environment(err)
	}
	return &Error{Usage, err}
}

// withReserved returns what is excluded besides the lists.
func withReserved(excluded target.Set, c *Config) target.Set {
	if c.AllowReserved {
		return excluded
	}
	return excluded.Union(target.ReservedSet())
}

// indexTargets puts what is included and not excluded in its order.
func (p *plan) indexTargets(c *Config) error {
	var err error
	p.list, err = target.NewList(target.Config{
		Include: p.include, Exclude: p.exclude, Seed: permute.Key(p.seed),
		PerPrefix: c.PerPrefix, Granularity4: c.Granularity4, Granularity6: c.Granularity6,
	})
	if err != nil {
		return usage("targets: %w", err)
	}
	p.order, err = p.list.Order(target.OrderConfig{Shard: c.Shard, Shards: c.Shards, MaxTargets: c.MaxTargets})
	if err != nil {
		return usage("--shard: %w", err)
	}
	if p.list.Len() == 0 {
		return usage("no target is left after exclusions%s", reservedHint(c, p.include))
	}
	p.has4, p.has6 = p.list.Len4() > 0, p.list.Len4() < p.list.Len()
	return nil
}

// checkSources says if a source was asked for and no probe would have it.
func (p *plan) checkSources(c *Config) error {
	for _, s := range c.Sources {
		if p.has(s.Is4()) {
			return nil
		}
	}
	if len(c.Sources) > 0 {
		return usage("--source %v: no target is of its family", c.Sources[0])
	}
	return nil
}

// has reports whether targets of a family are probed.
func (p *plan) has(is4 bool) bool {
	if is4 {
		return p.has4
	}
	return p.has6
}

func warnHostBits(c *Config, what string, l *target.Lines) {
	if n, first := l.HostBits(); n > 0 {
		newConsole(c).say("warning: %s: %d prefix(es) with host bits set, the first at %s; masked", what, n, first)
	}
}

// reservedHint tells whoever asked for reserved addresses alone how to get them.
func reservedHint(c *Config, l *target.Lines) string {
	if c.AllowReserved || l.Set().IsEmpty() {
		return ""
	}
	return " (special-purpose addresses are excluded unless --allow-reserved is given)"
}

// probesPerTarget is how many probes the first attempt has for one target.
func (p *plan) probesPerTarget() uint64 {
	return uint64(p.shape.TTLs()) * uint64(p.shape.Flows)
}

// preparedOctets is what each sender keeps of one (target, flow).
const preparedOctets = 72

// octetsPerTarget is an upper bound of the memory for one target.
func (p *plan) octetsPerTarget(c *Config) uint64 {
	s := p.shape
	n := p.strategy.octetsPerTarget(s) + uint64(s.OctetsPerTarget()) + uint64(s.Flows)*preparedOctets*uint64(max(c.Senders, 1)) + extensionOctets(1, s)
	if c.Records&record.Replies != 0 {
		n += uint64(window.EntryOctets * unlinked(1, s))
	}
	return n
}

// Room in a window, by its number of targets: for extension octets (MPLS on a
// fourth of the hops), and for copies and late replies if they are recorded.
func extensionOctets(targets int, s window.Shape) uint64 {
	return uint64(targets) * uint64(s.TTLs()) * uint64(s.Flows) * 4
}

func unlinked(targets int, s window.Shape) int { return targets * s.TTLs() * s.Flows / 4 }

// sizeWindows cuts the order into windows: as many targets as ten seconds of
// probing take, within bounds of targets, time and memory.
func (p *plan) sizeWindows(c *Config) error {
	perTarget := float64(p.probesPerTarget())
	rate := p.ratePPS
	if rate == 0 {
		rate = 1e6 // about what a link takes: what counts is memory
	}
	if c.AutoRate {
		rate /= 4 // what it comes to is between low and this
	}
	n := rate * windowTime.Seconds() / perTarget
	n = max(n, min(minTargets, rate*windowMost.Seconds()/perTarget))
	inMemory := c.Memory / window.Live / p.octetsPerTarget(c)
	if inMemory == 0 {
		return usage("--memory %d holds not one target in each of %d windows: %d octets are needed",
			c.Memory, window.Live, window.Live*p.octetsPerTarget(c))
	}
	n = min(n, float64(inMemory), float64(max(p.order.Len(), 1)), math.MaxInt32/perTarget)
	p.shape.Targets = max(int(n), 1)
	p.shape.ExtensionOctets = int(extensionOctets(p.shape.Targets, p.shape)) + 4096
	if c.Records&record.Replies != 0 {
		p.shape.Unlinked = unlinked(p.shape.Targets, p.shape) + 1024
	}
	p.windows = p.countWindows()
	if hi, lo := bits.Mul64(p.order.Len(), p.probesPerTarget()*uint64(p.shape.Attempts)); hi != 0 || lo >= 1<<53 {
		return usage("%d targets × %d probes are more than 2⁵³: use --shard or --max-targets", p.order.Len(), p.probesPerTarget())
	}
	return nil
}

// countWindows returns how many windows of the shape all targets take.
func (p *plan) countWindows() uint64 {
	return (p.order.Len() + uint64(p.shape.Targets) - 1) / uint64(p.shape.Targets)
}

// targetsBefore returns how many targets the windows below number id have.
func (p *plan) targetsBefore(id uint64) uint64 {
	if id >= p.windows {
		return p.order.Len()
	}
	return id * uint64(p.shape.Targets)
}

// memory returns the octets that the live windows may come to take.
func (p *plan) memory(c *Config) uint64 {
	return min(p.windows, window.Live) * uint64(p.shape.Targets) * p.octetsPerTarget(c)
}

// probes returns how many probes the first attempt has.
func (p *plan) probes() uint64 { return p.order.Len() * p.probesPerTarget() }

// duration returns how long all attempts take at most.
func (p *plan) duration(c *Config) time.Duration {
	s := c.Wait.Seconds() * float64(c.Attempts)
	if p.ratePPS > 0 {
		s += float64(p.probes()) * float64(c.Attempts) / p.ratePPS
	}
	return time.Duration(min(s*float64(time.Second), math.MaxInt64/2))
}

// The sources of probes until the real ones are known: documentation addresses
// (RFC 5737, RFC 3849).
var (
	exampleSource4 = netip.AddrFrom4([4]byte{192, 0, 2, 1})
	exampleSource6 = netip.MustParseAddr("2001:db8::1")
)

// codecConfig returns the codec's part of the plan, with example sources.
func (p *plan) codecConfig(c *Config) codec.Config {
	return codec.Config{
		Method: c.Method, Seed: p.seed, Key: p.key, DstPort: c.DstPort, TOS: c.TOS,
		Flows: c.Flows, MinTTL: c.MinTTL, MaxTTL: c.MaxTTL, Attempts: uint8(c.Attempts),
		PortLow: c.PortLow, PortHigh: c.PortHigh,
		Source4: exampleSource4, Source6: exampleSource6,
	}
}

// wireBits is what a probe of that many octets takes on an Ethernet wire: with
// header and check sequence, preamble and gap.
func wireBits(size int) float64 {
	const ethernet = 14 + 4 + 8 + 12
	return 8 * float64(size+ethernet)
}

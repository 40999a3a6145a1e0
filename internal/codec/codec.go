// Package codec builds probes and authenticates the packets that answer them. It decides which
// identity field (target, flow, TTL, attempt) is in which header field, one file per method, both
// ways. It opens no socket and holds no state beyond its configuration: all methods of a Codec
// may be called concurrently.
//
// Over all TTLs and attempts of one (target, flow), every field that a load balancer may hash is
// constant. These fields are addresses, protocol, TOS, flow label, the first four octets of the
// transport header and the length.
//
// TTL and attempt are in fields that no balancer hashes, as tags that only the holder of the
// run's key can make (tag.go). Each probe has two independent tags: so a rewritten field is
// detected, and a forger has to guess both. TCP has room for one tag that is as hard to guess by
// itself.
package codec

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/masstrace/masstrace/internal/probe"
)

// Key is a 128-bit secret or seed.
type Key [16]byte

// Config is the part of probes that is constant over a run.
type Config struct {
	Method probe.Method
	Seed   Key // fixes flow values
	Key    Key // fixes tags: its holder can forge replies

	Source4, Source6 netip.Addr // either may be invalid: no probes of that family

	DstPort uint16
	TOS     uint8
	Flows   int // 1 and up
	// Variations is set if flows may vary in one field. Flow numbers are then those of
	// probe.Variation, and Flows counts the base flows, probe.BaseFlows at most.
	Variations bool
	// Prefix4 and Prefix6 are lengths of prefixes. The targets of one prefix have the same flows, so
	// that their probes differ in the destination alone. 0: each target has flows of its own.
	Prefix4, Prefix6 int

	MinTTL   uint8
	MaxTTL   uint8
	Attempts uint8

	// PortLow to PortHigh, both included, is the range of source ports (ICMP: of identifiers).
	// 0, 0 means 0x8000 to 0xffff, of which 0xffff is never used. Avoid lists other ports of
	// the range that are not used.
	PortLow, PortHigh uint16
	Avoid             []uint16
}

// Codec builds and authenticates the probes of one run.
type Codec struct {
	cfg    Config
	ports  ports
	varied varied
	// strongOnly is set if replies with one valid tag do not count.
	strongOnly bool

	source  probe.Addr // IPv4
	source6 probe.Addr
	v4, v6  template
	key     hashKey
	seed    hashKey
}

// New checks cfg and returns its codec.
func New(cfg Config) (*Codec, error) {
	if cfg.MinTTL < 1 || cfg.MaxTTL > probe.MaxTTL || cfg.MinTTL > cfg.MaxTTL {
		return nil, fmt.Errorf("TTLs %d to %d are not within 1 to %d", cfg.MinTTL, cfg.MaxTTL, probe.MaxTTL)
	}
	if cfg.Attempts < 1 || cfg.Attempts > probe.MaxAttempts {
		return nil, fmt.Errorf("%d attempts are not within 1 to %d", cfg.Attempts, probe.MaxAttempts)
	}
	if cfg.Source4.IsValid() && !cfg.Source4.Is4() ||
		cfg.Source6.IsValid() && (!cfg.Source6.Is6() || cfg.Source6.Is4In6()) {
		return nil, errors.New("source address of the wrong family")
	}
	if !cfg.Source4.IsValid() && !cfg.Source6.IsValid() {
		return nil, errors.New("no source address")
	}
	if cfg.Source4.IsValid() && cfg.Source4.IsUnspecified() || cfg.Source6.IsValid() && cfg.Source6.IsUnspecified() {
		return nil, errors.New("source address is unspecified")
	}
	if cfg.Method > probe.TCPACK {
		return nil, fmt.Errorf("%s is not known", cfg.Method)
	}
	c := &Codec{
		cfg:     cfg,
		source:  probe.AddrFrom(cfg.Source4),
		source6: probe.AddrFrom(cfg.Source6),
		key:     newHashKey(cfg.Key),
		seed:    newHashKey(cfg.Seed),
	}
	if err := c.ports.init(cfg); err != nil {
		return nil, err
	}
	if err := c.varied.init(cfg); err != nil {
		return nil, err
	}
	c.v4, c.v6 = c.newTemplate4(), c.newTemplate6()
	return c, nil
}

// Size returns the size in octets of an IP packet that carries a probe.
func (c *Codec) Size(is4 bool) int { return c.template(is4).size }

// Source returns the source address of probes of that family, zero if there are no such probes.
func (c *Codec) Source(is4 bool) probe.Addr { return *c.own(is4) }

func (c *Codec) own(is4 bool) *probe.Addr {
	if is4 {
		return &c.source
	}
	return &c.source6
}

func (c *Codec) template(is4 bool) *template {
	if is4 {
		return &c.v4
	}
	return &c.v6
}

// Verdict is the result of authenticating a packet.
type Verdict uint8

// The verdicts, in the order of the checks.
const (
	Accepted     Verdict = iota
	Malformed            // shorter than its own fields state
	Unrelated            // answers no probe of this run
	BadChecksum          // the reply's own checksum is wrong; no Codec returns it
	BadResponder         // comes from an address that no host has; no Codec returns it
	BadSource            // quotes another source address, without two tags that agree
	Conflict             // two fields are valid and contradict each other
	Garbled              // no tag is valid, or one that is not enough: see probe.Garbled
)

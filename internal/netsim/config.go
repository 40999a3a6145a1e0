package netsim

import (
	"errors"
	"fmt"
	"time"
)

// Config holds the options of the model. A share is a probability from 0 to 1. A Config is
// marshalled to JSON without loss, in the header of a log.
type Config struct {
	// Seed selects the network: the same seed gives the same network.
	Seed uint64

	// MeanHops is the mean distance of targets, 8 to 20 (default 15); MaxHops
	// the greatest distance, 10 to 40 (default 30).
	MeanHops float64
	MaxHops  int

	// Diamonds is the share of segments with a balancer, among those that are long enough for
	// one (default 0.4). PerFlow, PerDestination and PerPacket are the weights of its kinds
	// (default 0.8, 0.15, 0.05).
	Diamonds                           float64
	PerFlow, PerDestination, PerPacket float64
	// Unequal is the share of diamonds whose branches differ in length (0.2). MaxWidth bounds
	// the number of branches, 2 to 16 (default 16).
	Unequal  float64
	MaxWidth int
	// HashMore is the share of per-flow balancers that also hash the TOS and the IPv6 flow
	// label (default 0.3).
	HashMore float64

	// SilentRouters is the share of routers that never answer (default 0.1).
	SilentRouters float64
	// LimitedRouters is the share of routers that send at most RouterRate ICMP
	// errors a second after a burst of RouterBurst (default 0.3, 100, 50).
	LimitedRouters float64
	RouterRate     float64
	RouterBurst    int
	// LimitedHosts is the share of targets that send at most HostRate
	// unreachables a second after HostBurst (default 0.5, 1 and 6, as Linux).
	LimitedHosts float64
	HostRate     float64
	HostBurst    int

	// Policer is how many packets a second leave the vantage point's network, after a burst of
	// PolicerBurst; 0 means no limit (default 0, 100). The other packets are lost.
	Policer      float64
	PolicerBurst int

	// LossForward is the share of probes that are lost, LossReply of probes whose answer is
	// lost (default 0.005 each). Their sum is at most 1.
	LossForward, LossReply float64
	// Duplicates is the share of replies that come twice (default 0.001).
	Duplicates float64

	// Delay bounds the round-trip time without jitter; 0 means no delay (default 270 ms). Up to
	// Jitter (3 ms) is added to every reply. Up to Spike (27 ms) is added to the share Spikes
	// (0.02) of replies, which reorders them.
	Delay, Jitter, Spike time.Duration
	Spikes               float64

	// Unreachable, Loops and BlackHoles are the shares of /24s (/48s) without
	// a route (default 0.03, 0.02, 0.03).
	Unreachable, Loops, BlackHoles float64
	// Firewalls answer "prohibited", SilentFirewalls do not answer. They affect some or all
	// protocols. The values are shares of /24s (default 0.05, 0.05).
	Firewalls, SilentFirewalls float64

	// HostsAlive is the share of addresses that have a host (default 0.5). For the share
	// HostUnreachable of the others, the last router sends a host unreachable (default 0.2).
	// The rest is silent.
	HostsAlive, HostUnreachable float64
	// FilterUDP, FilterTCP and FilterICMP are the shares of living hosts that
	// ignore a protocol (default 0.3, 0.3, 0.1).
	FilterUDP, FilterTCP, FilterICMP float64
	// OpenPorts is the share of hosts that listen on a TCP port of 22, 25, 53, 80, 443 (default
	// 0.4). OtherPorts is the share that listen on any other port (default 0.02).
	OpenPorts, OtherPorts float64
	// UDPAnswers is the share of (host, port) that answer UDP with a datagram
	// (default 0.01).
	UDPAnswers float64

	// The shares of /24s (/48s) whose path passes a box that rewrites packets. Their sum is at
	// most 1. Defaults add up to 0.1.
	NATSource      float64 // source address, and checksum (NAT44, NPTv6) (0.015)
	NATPort        float64 // likewise, and source port or ICMP identifier (0.005)
	NATDestination float64 // destination address, and checksum (0.01)
	MangleIPID     float64 // IPv4 identification: zero, random, swapped, plus one (0.02)
	MangleChecksum float64 // transport checksum as quoted: zero or random (0.01)
	MangleTOS      float64 // TOS: zero or re-marked (0.02)
	MangleLabel    float64 // IPv6 flow label: zero (0.01)
	MangleLength   float64 // length as quoted: swapped or without the header (0.01)

	// How routers quote. QuoteShort: 8 octets of transport (default 0.35). QuoteNew and
	// QuoteOld: 128 octets and an RFC 4884 structure, with and without the length field (0.12,
	// 0.08). The other routers quote as much as they may.
	QuoteShort, QuoteNew, QuoteOld float64
	// Interfaces is the share of routers with extensions that state their interface (RFC 5837,
	// default 0.2). The others state a label stack (RFC 4950), and so do half of the former.
	Interfaces float64
	// QuotedZero is the share of routers that quote a TTL of 0 (default 0.05).
	QuotedZero float64
	// Asymmetric is the share of routers whose answers take one to three more hops on the way
	// back (default 0.2).
	Asymmetric float64

	// Noise is how many packets that answer no probe come per reply, 0 to 1 (default 0.01).
	Noise float64

	// Attackers (see Attack); none by default. A garbled copy from elsewhere comes before the
	// share Garbled of genuine answers. A copy from an address that no host has comes before
	// the share Nobodies. ForgedQuotes and ForgedEchoes are how many guesses an attacker
	// sends for each probe, which it does not see.
	Garbled, Nobodies          float64
	ForgedQuotes, ForgedEchoes int
	// Liars is the share of targets that claim to be near: they quote a TTL too large by half
	// of the distance.
	Liars float64
}

// Default returns a network similar to the Internet.
func Default() Config {
	return Config{
		Seed: 1, MeanHops: 15, MaxHops: 30,
		Diamonds: 0.4, PerFlow: 0.8, PerDestination: 0.15, PerPacket: 0.05,
		Unequal: 0.2, MaxWidth: 16, HashMore: 0.3,
		SilentRouters: 0.1, LimitedRouters: 0.3, RouterRate: 100, RouterBurst: 50,
		LimitedHosts: 0.5, HostRate: 1, HostBurst: 6,
		PolicerBurst: 100,
		LossForward:  0.005, LossReply: 0.005, Duplicates: 0.001,
		Delay: 270 * time.Millisecond, Jitter: 3 * time.Millisecond,
		Spike: 27 * time.Millisecond, Spikes: 0.02,
		Unreachable: 0.03, Loops: 0.02, BlackHoles: 0.03,
		Firewalls: 0.05, SilentFirewalls: 0.05,
		HostsAlive: 0.5, HostUnreachable: 0.2,
		FilterUDP: 0.3, FilterTCP: 0.3, FilterICMP: 0.1,
		OpenPorts: 0.4, OtherPorts: 0.02, UDPAnswers: 0.01,
		NATSource: 0.015, NATPort: 0.005, NATDestination: 0.01,
		MangleIPID: 0.02, MangleChecksum: 0.01, MangleTOS: 0.02,
		MangleLabel: 0.01, MangleLength: 0.01,
		QuoteShort: 0.35, QuoteNew: 0.12, QuoteOld: 0.08, Interfaces: 0.2,
		QuotedZero: 0.05, Asymmetric: 0.2, Noise: 0.01,
	}
}

// clean returns a network in which everything answers, immediately and correctly. Its routers quote
// in all possible ways.
func clean() Config {
	c := Default()
	c.PerFlow, c.PerDestination, c.PerPacket = 0.8, 0.2, 0
	c.SilentRouters, c.LimitedRouters, c.LimitedHosts = 0, 0, 0
	c.LossForward, c.LossReply, c.Duplicates = 0, 0, 0
	c.Delay, c.Jitter, c.Spike, c.Spikes = 0, 0, 0, 0
	c.Unreachable, c.Loops, c.BlackHoles = 0, 0, 0
	c.Firewalls, c.SilentFirewalls = 0, 0
	c.HostsAlive, c.FilterUDP, c.FilterTCP, c.FilterICMP = 1, 0, 0, 0
	c.UDPAnswers = 0
	c.NATSource, c.NATPort, c.NATDestination = 0, 0, 0
	c.MangleIPID, c.MangleChecksum, c.MangleTOS = 0, 0, 0
	c.MangleLabel, c.MangleLength, c.Noise = 0, 0, 0
	return c
}

// presets lists the named networks. Each except default is clean plus one kind of trouble.
var presets = []struct {
	name string
	set  func(*Config)
}{
	{"clean", func(*Config) {}},
	{"default", func(c *Config) { *c = Default() }},
	{"loss", func(c *Config) { c.LossForward, c.LossReply = 0.03, 0.02 }},
	{"limited", func(c *Config) { c.LimitedRouters, c.LimitedHosts = 0.4, 0.5 }},
	{"delayed", func(c *Config) {
		d := Default()
		c.Delay, c.Jitter, c.Spike, c.Spikes = d.Delay, d.Jitter, d.Spike, d.Spikes
		c.Duplicates = 0.01
	}},
	{"nat", func(c *Config) {
		c.NATSource, c.NATPort, c.NATDestination = 0.1, 0.03, 0.05
		c.MangleIPID, c.MangleChecksum, c.MangleTOS = 0.15, 0.1, 0.07
		c.MangleLabel, c.MangleLength = 0.05, 0.05
	}},
	{"noise", func(c *Config) { c.Noise = 0.2 }},
	{"loops", func(c *Config) {
		c.Unreachable, c.Loops, c.BlackHoles = 0.15, 0.2, 0.15
		c.Firewalls, c.SilentFirewalls = 0.1, 0.05
		c.HostsAlive, c.HostUnreachable = 0.7, 0.5
	}},
	{"perpacket", func(c *Config) {
		c.Diamonds, c.PerFlow, c.PerDestination, c.PerPacket = 0.6, 0.2, 0.1, 0.7
	}},
	{"silent", func(c *Config) {
		c.SilentRouters, c.HostsAlive, c.HostUnreachable = 0.3, 0.4, 0.1
		c.FilterUDP, c.FilterTCP, c.FilterICMP = 0.3, 0.3, 0.2
		c.UDPAnswers = 0.05
	}},
}

// PresetNames returns the names that Preset accepts.
func PresetNames() []string {
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.name
	}
	return names
}

// Preset returns the network with that name, with seed 1.
func Preset(name string) (Config, error) {
	for _, p := range presets {
		if p.name == name {
			c := clean()
			p.set(&c)
			return c, nil
		}
	}
	return Config{}, fmt.Errorf("unknown network %q; known are %v", name, PresetNames())
}

// Validate returns an error that names the first option out of its range.
func (c *Config) Validate() error {
	shares := []struct {
		name string
		v    float64
	}{
		{"Diamonds", c.Diamonds}, {"Unequal", c.Unequal}, {"HashMore", c.HashMore},
		{"SilentRouters", c.SilentRouters}, {"LimitedRouters", c.LimitedRouters},
		{"LimitedHosts", c.LimitedHosts}, {"LossForward", c.LossForward},
		{"LossReply", c.LossReply}, {"LossForward + LossReply", c.LossForward + c.LossReply},
		{"Duplicates", c.Duplicates}, {"Spikes", c.Spikes},
		{"Unreachable", c.Unreachable}, {"Loops", c.Loops}, {"BlackHoles", c.BlackHoles},
		{"Unreachable + Loops + BlackHoles", c.Unreachable + c.Loops + c.BlackHoles},
		{"Firewalls", c.Firewalls}, {"SilentFirewalls", c.SilentFirewalls},
		{"Firewalls + SilentFirewalls", c.Firewalls + c.SilentFirewalls},
		{"HostsAlive", c.HostsAlive}, {"HostUnreachable", c.HostUnreachable},
		{"FilterUDP", c.FilterUDP}, {"FilterTCP", c.FilterTCP}, {"FilterICMP", c.FilterICMP},
		{"OpenPorts", c.OpenPorts}, {"OtherPorts", c.OtherPorts}, {"UDPAnswers", c.UDPAnswers},
		{"NATSource", c.NATSource}, {"NATPort", c.NATPort}, {"NATDestination", c.NATDestination},
		{"MangleIPID", c.MangleIPID}, {"MangleChecksum", c.MangleChecksum},
		{"MangleTOS", c.MangleTOS}, {"MangleLabel", c.MangleLabel},
		{"MangleLength", c.MangleLength},
		{"sum of NATs and mangling", c.NATSource + c.NATPort + c.NATDestination + c.MangleIPID +
			c.MangleChecksum + c.MangleTOS + c.MangleLabel + c.MangleLength},
		{"QuoteShort", c.QuoteShort}, {"QuoteNew", c.QuoteNew}, {"QuoteOld", c.QuoteOld},
		{"QuoteShort + QuoteNew + QuoteOld", c.QuoteShort + c.QuoteNew + c.QuoteOld},
		{"Interfaces", c.Interfaces}, {"QuotedZero", c.QuotedZero},
		{"Asymmetric", c.Asymmetric}, {"Noise", c.Noise},
		{"Garbled", c.Garbled}, {"Nobodies", c.Nobodies}, {"Liars", c.Liars},
	}
	for _, s := range shares {
		if !(s.v >= 0 && s.v <= 1+1e-9) {
			return fmt.Errorf("%s = %v: not from 0 to 1", s.name, s.v)
		}
	}
	switch {
	case !(c.MeanHops >= 8 && c.MeanHops <= 20):
		return fmt.Errorf("MeanHops = %v: not from 8 to 20", c.MeanHops)
	case c.ForgedQuotes < 0 || c.ForgedEchoes < 0:
		return fmt.Errorf("ForgedQuotes %d, ForgedEchoes %d: negative", c.ForgedQuotes, c.ForgedEchoes)
	case c.MaxHops < 10 || c.MaxHops > 40:
		return fmt.Errorf("MaxHops = %d: not from 10 to 40", c.MaxHops)
	case c.MaxWidth < 2 || c.MaxWidth > maxWidth:
		return fmt.Errorf("MaxWidth = %d: not from 2 to %d", c.MaxWidth, maxWidth)
	case c.PerFlow < 0 || c.PerDestination < 0 || c.PerPacket < 0,
		!(c.PerFlow+c.PerDestination+c.PerPacket > 0):
		return fmt.Errorf("PerFlow %v, PerDestination %v, PerPacket %v: not weights",
			c.PerFlow, c.PerDestination, c.PerPacket)
	case c.Delay < 0 || c.Jitter < 0 || c.Spike < 0,
		c.Delay > 4*time.Second || c.Jitter+c.Spike > 200*time.Millisecond:
		return fmt.Errorf("not times to wait: Delay %v, Jitter %v, Spike %v: negative, or above 4 s, and 200 ms together",
			c.Delay, c.Jitter, c.Spike)
	case c.LimitedRouters > 0 && !(c.RouterRate > 0 && c.RouterBurst > 0),
		c.LimitedHosts > 0 && !(c.HostRate > 0 && c.HostBurst > 0):
		return errors.New("rate and burst of limited routers and hosts: not positive")
	case !(c.Policer >= 0) || c.Policer > 0 && c.PolicerBurst < 1:
		return fmt.Errorf("rate and burst of the policer: %v and %d are none", c.Policer, c.PolicerBurst)
	}
	return nil
}

package netsim

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Config holds the options of the model. The tags of a field have its unit and its meaning, and the
// first field below a heading has the heading: see [Config.Options]. A share is a probability from
// 0 to 1. A Config is marshalled to JSON without loss, in the header of a log.
type Config struct {
	Seed uint64 `heading:"Network" unit:"number" meaning:"the network; the same number gives the same network"`

	MeanHops float64 `heading:"Paths" unit:"hops" meaning:"mean distance of targets, 8 to 20"`
	MaxHops  int     `unit:"hops" meaning:"greatest distance of targets, 10 to 40"`

	Diamonds       float64 `heading:"Load balancers" unit:"share" meaning:"long enough segments that have a load balancer"`
	PerFlow        float64 `unit:"weight" meaning:"load balancers that hash the flow, relative to the other kinds"`
	PerDestination float64 `unit:"weight" meaning:"load balancers that hash the destination"`
	PerPacket      float64 `unit:"weight" meaning:"load balancers that choose a branch for each packet"`
	Unequal        float64 `unit:"share" meaning:"load balancers with branches of different lengths"`
	MinWidth       int     `unit:"branches" meaning:"least number of branches, except for the last diamond of a path"`
	MaxWidth       int     `unit:"branches" meaning:"greatest number of branches, 2 to 100; more than 16 only on the way to a /12 (IPv6: /24)"`
	HashMore       float64 `unit:"share" meaning:"per-flow load balancers that also hash the TOS and the IPv6 flow label"`
	HashAddresses  float64 `unit:"share" meaning:"per-flow load balancers that hash only the addresses"`
	HashPorts      float64 `unit:"share" meaning:"per-flow load balancers that hash only the ports; the three last shares are together at most 1"`
	HashLabel      float64 `unit:"share" meaning:"per-flow load balancers that hash only the flow label, in IPv6"`
	Nested         float64 `unit:"share" meaning:"diamonds with load balancers inside branches"`
	Meshed         float64 `unit:"share" meaning:"diamonds with branches that share routers"`
	Chained        float64 `unit:"share" meaning:"diamonds at whose end another diamond begins"`
	Wide           float64 `unit:"share" meaning:"diamonds with more than 4 branches, if some are nested, meshed, in a row, or wider than 16"`
	Weighted       float64 `unit:"share" meaning:"load balancers whose branches get different shares, up to 1:10"`

	Remap    Moment  `heading:"Changes during a run" unit:"time" meaning:"when load balancers remap their flows, counted from the first probe; or never"`
	Remapped float64 `unit:"share" meaning:"load balancers that then remap their flows"`
	Reroute  Moment  `unit:"time" meaning:"when routes change; 0 changes them from the beginning; or never"`
	Rerouted float64 `unit:"share" meaning:"/16s (IPv6: /32s) whose route then changes"`

	RemapEvery   time.Duration `json:",omitempty" unit:"time" meaning:"from remap on, each of these load balancers remaps again after this time, each at its own moments; 0 is never"`
	RerouteEvery time.Duration `json:",omitempty" unit:"time" meaning:"from reroute on, each /16 (/32) draws its route anew after this time, each at its own moments; 0 is never"`

	SilentRouters  float64 `heading:"Silence and limits" unit:"share" meaning:"routers that never answer"`
	LimitedRouters float64 `unit:"share" meaning:"routers that limit their ICMP errors"`
	RouterRate     float64 `unit:"per s" meaning:"ICMP errors of a limited router"`
	RouterBurst    int     `unit:"packets" meaning:"errors that a limited router sends before its limit applies"`
	LimitedHosts   float64 `unit:"share" meaning:"targets that limit their port unreachables"`
	HostRate       float64 `unit:"per s" meaning:"unreachables of a limited target; Linux has 1"`
	HostBurst      int     `unit:"packets" meaning:"unreachables before the limit of a target applies; Linux has 6"`
	Policer        float64 `unit:"per s" meaning:"packets that leave our network, the others are lost; 0 is no limit"`
	PolicerBurst   int     `unit:"packets" meaning:"packets that leave before the policer applies"`

	LossForward float64       `heading:"Loss and delay" unit:"share" meaning:"probes that are lost"`
	LossReply   float64       `unit:"share" meaning:"probes whose answer is lost; together with loss-forward at most 1"`
	Duplicates  float64       `unit:"share" meaning:"replies that come twice"`
	Delay       time.Duration `unit:"time" meaning:"longest round-trip time without jitter, at most 4s; 0 is no delay"`
	Jitter      time.Duration `unit:"time" meaning:"longest time added to each reply"`
	Spike       time.Duration `unit:"time" meaning:"longest time added to some replies, which reorders them; with jitter at most 200ms"`
	Spikes      float64       `unit:"share" meaning:"replies that get a spike"`

	Unreachable     float64 `heading:"Endings of paths" unit:"share" meaning:"/24s (IPv6: /48s) without a route: a router reports it"`
	Loops           float64 `unit:"share" meaning:"/24s (/48s) whose path ends in a loop of two routers"`
	BlackHoles      float64 `unit:"share" meaning:"/24s (/48s) without a route: nothing reports it"`
	Firewalls       float64 `unit:"share" meaning:"/24s (/48s) with a firewall that answers: prohibited. It affects some or all protocols"`
	SilentFirewalls float64 `unit:"share" meaning:"/24s (/48s) with a firewall that does not answer"`

	HostsAlive      float64 `heading:"Targets" unit:"share" meaning:"addresses that have a host"`
	HostUnreachable float64 `unit:"share" meaning:"other addresses for which the last router reports host unreachable; the rest is silent"`
	FilterUDP       float64 `unit:"share" meaning:"hosts that ignore UDP"`
	FilterTCP       float64 `unit:"share" meaning:"hosts that ignore TCP"`
	FilterICMP      float64 `unit:"share" meaning:"hosts that ignore ICMP"`
	FilterPorts     float64 `json:",omitempty" unit:"share" meaning:"other UDP and TCP ports that hosts ignore"`
	OpenPorts       float64 `unit:"share" meaning:"hosts that listen on a TCP port of 22, 25, 53, 80 and 443"`
	OtherPorts      float64 `unit:"share" meaning:"hosts that listen on any other TCP port"`
	UDPAnswers      float64 `unit:"share" meaning:"UDP ports of hosts that answer with a datagram"`

	NATSource      float64 `heading:"Boxes that rewrite packets, by /24 (/48); their sum is at most 1" unit:"share" meaning:"source address and checksum (NAT44, NPTv6)"`
	NATPort        float64 `unit:"share" meaning:"the same, and source port or ICMP identifier"`
	NATDestination float64 `unit:"share" meaning:"destination address and checksum"`
	MangleIPID     float64 `unit:"share" meaning:"IPv4 identification: zero, random, swapped or plus one"`
	MangleChecksum float64 `unit:"share" meaning:"quoted transport checksum: zero or random"`
	MangleTOS      float64 `unit:"share" meaning:"TOS: zero or another value"`
	MangleLabel    float64 `unit:"share" meaning:"IPv6 flow label: zero"`
	MangleLength   float64 `unit:"share" meaning:"quoted length: swapped or without the header"`

	QuoteShort float64 `heading:"Quotations in ICMP errors" unit:"share" meaning:"routers that quote 8 bytes of transport; other routers quote as much as they may"`
	QuoteNew   float64 `unit:"share" meaning:"routers that quote 128 bytes and extensions (RFC 4884)"`
	QuoteOld   float64 `unit:"share" meaning:"the same without the length field of RFC 4884"`
	Interfaces float64 `unit:"share" meaning:"routers with extensions that state their interface (RFC 5837); the others and half of these state MPLS labels (RFC 4950)"`
	ViaTarget  float64 `unit:"share" meaning:"/24s (/48s) whose last routers send time exceeded from the address of the target"`
	QuotedZero float64 `unit:"share" meaning:"routers that quote a TTL of 0"`
	Asymmetric float64 `unit:"share" meaning:"routers whose answers take one to three more hops on the way back"`

	Noise float64 `heading:"Noise" unit:"packets" meaning:"packets that answer no probe, for each reply, 0 to 1"`

	Garbled      float64       `heading:"Attackers" unit:"share" meaning:"genuine answers before which a garbled copy comes from elsewhere"`
	Nobodies     float64       `unit:"share" meaning:"genuine answers before which a copy comes from an address that no host has"`
	ForgedQuotes int           `unit:"packets" meaning:"quotations of guessed probes, for each probe"`
	ForgedEchoes int           `unit:"packets" meaning:"echo replies with a guessed sequence number, for each ICMP probe"`
	Guesses      int           `json:",omitempty" unit:"packets" meaning:"quotations of guessed probes, and for ICMP echo replies, for each path while it is probed"`
	GuessTime    time.Duration `json:",omitempty" unit:"time" meaning:"for how long these guesses come, evenly, from the first probe of the path on; 0 is 3s"`
	Lucky        int           `json:",omitempty" unit:"packets" meaning:"more guesses for each path, up to 8, that have the tags of a probe, each at a random time"`
	Liars        float64       `unit:"share" meaning:"targets that quote a TTL as if they were half as far away"`
	Imposters    float64       `unit:"share" meaning:"targets that answer as routers on the paths to other targets"`

	// VantagePoints is how many vantage points the network has, 0 or 1 for one. It has no
	// meaning for people, and is no option: the lab sets it.
	VantagePoints int `json:",omitempty"`
}

// Default returns a network similar to the Internet.
func Default() Config {
	return Config{
		Seed: 1, MeanHops: 15, MaxHops: 30,
		Diamonds: 0.4, PerFlow: 0.8, PerDestination: 0.15, PerPacket: 0.05,
		Unequal: 0.2, MinWidth: 2, MaxWidth: 16, HashMore: 0.3, Wide: 0.125,
		Remapped: 0.3, Rerouted: 0.1,
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

// presets lists the named networks. Each except default is clean plus some kind of trouble.
var presets = []struct {
	name, meaning string
	set           func(*Config)
}{
	{"clean", "everything answers, immediately and correctly", func(*Config) {}},
	{"default", "similar to the Internet: some of every kind of trouble below", func(c *Config) { *c = Default() }},
	{"loss", "5 % of probes or replies are lost", func(c *Config) { c.LossForward, c.LossReply = 0.03, 0.02 }},
	{"limited", "40 % of routers and half of the targets limit their answers", func(c *Config) { c.LimitedRouters, c.LimitedHosts = 0.4, 0.5 }},
	{"delayed", "delay, jitter, reordered and duplicate replies", func(c *Config) {
		d := Default()
		c.Delay, c.Jitter, c.Spike, c.Spikes = d.Delay, d.Jitter, d.Spike, d.Spikes
		c.Duplicates = 0.01
	}},
	{"nat", "boxes on the way rewrite addresses, ports and other fields", func(c *Config) {
		c.NATSource, c.NATPort, c.NATDestination = 0.1, 0.03, 0.05
		c.MangleIPID, c.MangleChecksum, c.MangleTOS = 0.15, 0.1, 0.07
		c.MangleLabel, c.MangleLength = 0.05, 0.05
	}},
	{"noise", "for every five replies, one packet that answers no probe", func(c *Config) { c.Noise = 0.2 }},
	{"loops", "prefixes without a route: loops, black holes, firewalls", func(c *Config) {
		c.Unreachable, c.Loops, c.BlackHoles = 0.15, 0.2, 0.15
		c.Firewalls, c.SilentFirewalls = 0.1, 0.05
		c.HostsAlive, c.HostUnreachable = 0.7, 0.5
	}},
	{"perpacket", "many load balancers, most of which choose for each packet", func(c *Config) {
		c.Diamonds, c.PerFlow, c.PerDestination, c.PerPacket = 0.6, 0.2, 0.1, 0.7
	}},
	{"silent", "30 % of routers and most targets do not answer", func(c *Config) {
		c.SilentRouters, c.HostsAlive, c.HostUnreachable = 0.3, 0.4, 0.1
		c.FilterUDP, c.FilterTCP, c.FilterICMP = 0.3, 0.3, 0.2
		c.UDPAnswers = 0.05
	}},
	{"multipath", "load balancers of every kind, with up to 100 branches: nested, meshed, weighted, in a row", multipath},
	{"multipath-hostile", "the same, with silence, loss, limits and boxes that rewrite packets", func(c *Config) {
		multipath(c)
		d := Default()
		c.SilentRouters, c.HostsAlive = d.SilentRouters, 0.7
		c.LimitedRouters, c.RouterRate, c.RouterBurst = d.LimitedRouters, d.RouterRate, d.RouterBurst
		c.LimitedHosts = d.LimitedHosts
		c.LossForward, c.LossReply, c.Duplicates = 0.02, 0.02, d.Duplicates
		c.Jitter, c.Spike, c.Spikes = d.Jitter, d.Spike, d.Spikes
		c.Unreachable, c.Loops, c.BlackHoles = d.Unreachable, d.Loops, d.BlackHoles
		c.Firewalls, c.SilentFirewalls = d.Firewalls, d.SilentFirewalls
		c.NATSource, c.NATPort, c.NATDestination = 0.1, 0.03, 0.03
		c.MangleIPID, c.MangleChecksum, c.MangleTOS = 0.1, 0.05, 0.05
		c.MangleLabel, c.MangleLength = 0.03, 0.03
		c.Noise = d.Noise
	}},
}

// multipath sets load balancers of every kind.
func multipath(c *Config) {
	c.Diamonds, c.MaxWidth, c.Wide, c.Unequal = 0.7, 100, 0.25, 0.25
	c.PerFlow, c.PerDestination, c.PerPacket = 0.85, 0.1, 0.05
	c.HashMore, c.HashAddresses, c.HashPorts, c.HashLabel = 0.3, 0.05, 0.1, 0.1
	c.Nested, c.Meshed, c.Chained, c.Weighted = 0.15, 0.1, 0.15, 0.1
}

// Presets returns the names and meanings of the networks that Preset has.
func Presets() []Named {
	list := make([]Named, len(presets))
	for i, p := range presets {
		list[i] = Named{Name: p.name, Meaning: p.meaning}
	}
	return list
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
	return Config{}, fmt.Errorf("there is no preset %q; the presets are %s", name, strings.Join(PresetNames(), ", "))
}

// PresetNames returns the names that Preset accepts.
func PresetNames() []string {
	names := make([]string, len(presets))
	for i, p := range presets {
		names[i] = p.name
	}
	return names
}

// Validate returns an error that names the first option out of its range.
func (c *Config) Validate() error {
	shares := []struct {
		name string
		v    float64
	}{
		{"Diamonds", c.Diamonds}, {"Unequal", c.Unequal}, {"HashMore", c.HashMore},
		{"HashAddresses", c.HashAddresses}, {"HashPorts", c.HashPorts}, {"HashLabel", c.HashLabel},
		{"HashAddresses + HashPorts + HashLabel", c.HashAddresses + c.HashPorts + c.HashLabel},
		{"Nested", c.Nested}, {"Meshed", c.Meshed}, {"Chained", c.Chained}, {"Weighted", c.Weighted},
		{"Wide", c.Wide},
		{"Remapped", c.Remapped}, {"Rerouted", c.Rerouted},
		{"SilentRouters", c.SilentRouters}, {"LimitedRouters", c.LimitedRouters},
		{"LimitedHosts", c.LimitedHosts}, {"LossForward", c.LossForward},
		{"LossReply", c.LossReply}, {"LossForward + LossReply", c.LossForward + c.LossReply},
		{"Duplicates", c.Duplicates}, {"Spikes", c.Spikes},
		{"Unreachable", c.Unreachable}, {"Loops", c.Loops}, {"BlackHoles", c.BlackHoles},
		{"Unreachable + Loops + BlackHoles", c.Unreachable + c.Loops + c.BlackHoles},
		{"Firewalls", c.Firewalls}, {"SilentFirewalls", c.SilentFirewalls},
		{"Firewalls + SilentFirewalls", c.Firewalls + c.SilentFirewalls},
		{"HostsAlive", c.HostsAlive}, {"HostUnreachable", c.HostUnreachable},
		{"FilterUDP", c.FilterUDP}, {"FilterTCP", c.FilterTCP}, {"FilterICMP", c.FilterICMP}, {"FilterPorts", c.FilterPorts},
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
		{"Imposters", c.Imposters}, {"ViaTarget", c.ViaTarget},
	}
	for _, s := range shares {
		if !(s.v >= 0 && s.v <= 1+1e-9) {
			return fmt.Errorf("%s = %v: not from 0 to 1", s.name, s.v)
		}
	}
	switch {
	case !(c.MeanHops >= 8 && c.MeanHops <= 20):
		return fmt.Errorf("MeanHops = %v: not from 8 to 20", c.MeanHops)
	case c.ForgedQuotes < 0 || c.ForgedEchoes < 0 || c.Guesses < 0:
		return fmt.Errorf("ForgedQuotes %d, ForgedEchoes %d, Guesses %d: negative", c.ForgedQuotes, c.ForgedEchoes, c.Guesses)
	case c.GuessTime < 0 || c.Lucky < 0 || c.Lucky > MostLucky:
		return fmt.Errorf("GuessTime = %v: negative; or Lucky = %d: not from 0 to %d", c.GuessTime, c.Lucky, MostLucky)
	case c.VantagePoints < 0 || c.VantagePoints > MaxVantagePoints:
		return fmt.Errorf("VantagePoints = %d: not from 1 to %d", c.VantagePoints, MaxVantagePoints)
	case c.MaxHops < 10 || c.MaxHops > 40:
		return fmt.Errorf("MaxHops = %d: not from 10 to 40", c.MaxHops)
	case c.MaxWidth < 2 || c.MaxWidth > maxFabric:
		return fmt.Errorf("MaxWidth = %d: not from 2 to %d", c.MaxWidth, maxFabric)
	case c.MinWidth < 0 || c.MinWidth > c.MaxWidth:
		return fmt.Errorf("MinWidth = %d: not from 2 to MaxWidth", c.MinWidth)
	case c.RemapEvery < 0 || c.RerouteEvery < 0:
		return fmt.Errorf("a negative time: RemapEvery %v, RerouteEvery %v", c.RemapEvery, c.RerouteEvery)
	case c.Remap < 0 || c.Reroute < 0:
		return fmt.Errorf("a negative time: Remap %v, Reroute %v", int64(c.Remap), int64(c.Reroute))
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

// Package internet connects the simulated Internet of package netsim to a link of a lab. Packets
// that a command sends reach the simulator, and its answers reach the command, through the
// kernel's own packet path. A network may have several vantage points. Each is then a namespace
// with a link to the simulator. Another link leads to the hub, the namespace of the command.
//
// The link is a veth pair or a tun device. The far end of a veth pair is in a second namespace
// without a name, and answers ARP and neighbour discovery. One goroutine, the pump, moves packets
// in both directions.
package internet

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/names"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/outfile"
)

// Name is the name of the setup.
const Name = "internet"

// Kinds of link.
const (
	Veth = "veth" // Ethernet
	Tun  = "tun"  // plain IP; needs root
)

// Options select the simulated Internet and the kind of its link.
type Options struct {
	Link    string
	Network netsim.Config
	// Log is a file for a record of every probe. Counters is a file for the simulator's
	// counters, written as JSON at the end. Empty means no file.
	Log, Counters string
	// Existing is the rule for existing files of these names.
	Existing outfile.Existing
	// State is a folder for the control socket of a network with several vantage points; empty
	// for one that only the command reaches.
	State string `json:",omitempty"`
}

// LinkName is the name of the link inside the lab.
const LinkName = "uplink0"

// addresses returns the addresses of the link of a vantage point: the command's and the gateway's.
// All links have the same gateway.
func addresses(vantage int) (own, gateway [2]netip.Prefix) {
	near := netsim.VantagePoint(vantage)
	return [2]netip.Prefix{netip.PrefixFrom(near[0], 24), netip.PrefixFrom(near[1], 64)},
		[2]netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("2001:db8::1/64")}
}

// Encode returns the options as text for lab.Config. Files that are the same are an error.
func (o Options) Encode() (string, error) {
	if err := outfile.Collide(append(outfile.Writes("Log", o.Log), outfile.Writes("Counters", o.Counters)...), nil, nil); err != nil {
		return "", err
	}
	text, err := json.Marshal(o)
	return string(text), err
}

// answers is Setup.Answers.
const answers = "every public unicast address, for example 45.150.1.206 or 2a00:150::1. About half of the addresses " +
	"have a host (option hosts-alive). The routers have addresses in 6, 7, 11, 21, 22, 26, 28, 29, 30, 33, 55, 214, 215/8 " +
	"and 3ffe::/16, which have no route. Names look like ae1.core3.fra2d96.as64500.example.net"

// Setup is the simulated Internet as a network for lab. Its option is the result of Encode.
func Setup() lab.Setup {
	return lab.Setup{Name: Name, Answers: answers, Build: build}
}

func build(_ context.Context, option string) (end func() error, err error) {
	var o Options
	if err := json.Unmarshal([]byte(option), &o); err != nil {
		return nil, fmt.Errorf("read options: %w", err)
	}
	sim, err := netsim.New(o.Network)
	if err != nil {
		return nil, err
	}
	r, err := openReport(o)
	if err != nil {
		return nil, err
	}
	z, err := newZone(o.Network)
	if err != nil {
		return nil, err
	}
	port, err := buildLinks(&o, z)
	if err == nil {
		err = names.Serve(z)
	}
	if err != nil {
		return nil, err
	}
	p := newPump(sim, port, r.log)
	go p.run()
	return func() error {
		p.end()
		return r.write(sim, p)
	}, nil
}

// buildLinks makes the links of the vantage points.
func buildLinks(o *Options, z *zone) (port, error) {
	switch {
	case o.Network.VantagePoints > 1 && o.Link != Veth:
		return nil, fmt.Errorf("several vantage points have links of kind %s, not %s", Veth, o.Link)
	case o.Network.VantagePoints > 1:
		return buildSeveral(o, z)
	case o.Link == Veth:
		return buildVeth(0, ringBlocks)
	case o.Link == Tun:
		return buildTun()
	}
	return nil, fmt.Errorf("no link is called %q", o.Link)
}

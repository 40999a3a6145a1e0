package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// paths is how probes leave: one link, one source and next hop per family.
type paths struct {
	link.Path // of whichever family is probed; of IPv4 if both are
	others    []link.Path
	source4   netip.Addr
	source6   netip.Addr
	nextHop4  [6]byte
	nextHop6  [6]byte
}

// sampleTargets is how many targets are asked for a route before it is taken
// for granted that none goes by a gateway.
const sampleTargets = 16

// findPaths finds the way to the targets of each family of the plan.
func findPaths(ctx context.Context, c *Config, p *plan) (*paths, error) {
	found := new(paths)
	for _, is4 := range []bool{false, true} {
		if !p.has(is4) {
			continue
		}
		path, err := findPath(ctx, c, p, is4)
		if err != nil {
			return nil, environment(err)
		}
		if found.Name != "" && found.Index != path.Index {
			return nil, environment(fmt.Errorf("IPv4 leaves by %s and IPv6 by %s: scan them apart, or name one --interface", path.Name, found.Name))
		}
		found.add(path, is4)
	}
	return found, nil
}

// add adds the path of one family.
func (l *paths) add(path link.Path, is4 bool) {
	if l.Name == "" {
		l.Path = path
	} else {
		l.others = append(l.others, path)
	}
	if is4 {
		l.source4 = path.Source
		copy(l.nextHop4[:], path.NextHop)
	} else {
		l.source6 = path.Source
		copy(l.nextHop6[:], path.NextHop)
	}
}

// toOurselves reports whether the link is the loopback, the only one whose
// Ethernet address is zero.
func (l *paths) toOurselves() bool {
	return l.Framing == link.Ethernet && bytes.Equal(l.Hardware, make([]byte, 6))
}

// findPath finds the way of one family. The next hop of a scan is a gateway;
// where the routes name none, it is whoever answers for the first target.
func findPath(ctx context.Context, c *Config, p *plan, is4 bool) (link.Path, error) {
	var first link.Path
	var firstErr error
	for i, a := range p.sample(is4) {
		path, err := link.Find(ctx, c.linkRequest(a))
		switch {
		case err == nil && (path.Gateway.IsValid() || path.Framing == link.IP || c.GatewayMAC != nil):
			return path, nil
		case i == 0:
			first, firstErr = path, err
		case err == nil && firstErr != nil:
			first, firstErr = path, nil
		}
		if errors.Is(err, link.ErrNoInterface) || errors.Is(err, link.ErrLinkDown) {
			return link.Path{}, err
		}
	}
	if firstErr == nil && p.order.Len() > 1 {
		newConsole(c).say("warning: the route names no gateway; all probes go to the one neighbour %v", first.NextHop)
	}
	return first, firstErr
}

func (c *Config) linkRequest(destination netip.Addr) link.Request {
	r := link.Request{Destination: destination, Interface: c.Interface, GatewayMAC: c.GatewayMAC}
	for _, s := range c.Sources {
		if s.Is4() == destination.Is4() {
			r.Source = s
		}
	}
	return r
}

// sample returns some targets of one family, in the order of probing.
func (p *plan) sample(is4 bool) []netip.Addr {
	var sample []netip.Addr
	const most = 4096 // a family that is rarer will have to do with one
	for i := uint64(0); i < p.order.Len() && i < most && len(sample) < sampleTargets; i++ {
		if a := p.order.At(i); a.Is4() == is4 {
			sample = append(sample, a.Netip())
		}
	}
	if len(sample) == 0 {
		i := uint64(0)
		if !is4 {
			i = p.list.Len4()
		}
		sample = append(sample, p.list.At(i).Netip())
	}
	return sample
}

// checkMTU says if probes of that size do not fit through the link.
func (l *paths) checkMTU(is4 bool, size int) error {
	need := size
	if !is4 {
		need = max(need, wire.MinMTU6)
	}
	if l.MTU < need {
		return environment(fmt.Errorf("MTU of %s is %d octets, too small: %d are needed", l.Name, l.MTU, need))
	}
	return nil
}

// sources returns the source addresses for the codec.
func (l *paths) sources() (v4, v6 probe.Addr) {
	return probe.AddrFrom(l.source4), probe.AddrFrom(l.source6)
}

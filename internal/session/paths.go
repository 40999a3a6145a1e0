package session

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// Paths is how probes leave: one link, one source and next hop per family.
type Paths struct {
	link.Path            // of the family that is probed; of IPv4 if both are
	ways      []link.Way // of each family
	Source4   netip.Addr
	Source6   netip.Addr
	nextHop4  [6]byte
	nextHop6  [6]byte
}

// sampleTargets is the number of targets whose routes are looked up. If none of them has
// a gateway, the scan has none.
const sampleTargets = 16

// Find finds the way to the targets of each family of the plan. warn receives warnings.
func Find(ctx context.Context, p *plan.Plan, c Config, warn func(string)) (*Paths, error) {
	found := new(Paths)
	for _, is4 := range []bool{false, true} {
		if !p.Has(is4) {
			continue
		}
		way, err := findWay(ctx, p, c, is4, warn)
		if err != nil {
			return nil, err
		}
		if found.Name != "" && found.Index != way.Path.Index {
			return nil, fmt.Errorf("IPv4 leaves by %s and IPv6 by %s: scan the families separately, or choose the interface", way.Path.Name, found.Name)
		}
		if c.Interface == "" {
			way.Targets = &link.Targets{Sample: sample(p, is4), Within: p.List.Within}
		}
		if err := sameWay(ctx, way); err != nil {
			return nil, err
		}
		found.Add(way)
	}
	return found, nil
}

// sameWay returns an error if some targets leave in another way, unless the user has chosen the
// interface.
func sameWay(ctx context.Context, way link.Way) error {
	if way.Targets == nil {
		return nil
	}
	others, err := link.Others(ctx, way)
	if err != nil || len(others) == 0 {
		return err
	}
	var text []string
	for _, o := range others {
		text = append(text, fmt.Sprintf("%v (%v): %s", o.Destination, o.Prefix, o.Way))
	}
	return fmt.Errorf("some targets do not leave by %v. %s. Scan these prefixes separately, exclude them, or choose the interface for all",
		way, strings.Join(text, "; "))
}

// FindTo finds the way to one destination. ForeignSource of the path reports that the
// source is no address of this machine.
func FindTo(ctx context.Context, destination netip.Addr, c Config) (*Paths, error) {
	way, err := c.find(ctx, destination)
	if err != nil {
		return nil, err
	}
	found := new(Paths)
	found.Add(way)
	return found, nil
}

// AddTo adds the way to a destination of the other family, if it leaves by the same link. If it
// leaves by another link, AddTo returns that way.
func (l *Paths) AddTo(ctx context.Context, destination netip.Addr, c Config) (other string) {
	way, err := c.find(ctx, destination)
	switch {
	case err != nil:
		return ""
	case way.Path.Index != l.Index:
		return way.String()
	}
	l.Add(way)
	return ""
}

// Add adds the way of one family.
func (l *Paths) Add(way link.Way) {
	if l.Name == "" {
		l.Path = way.Path
	}
	l.ways = append(l.ways, way)
	is4 := way.Path.Source.Is4()
	if is4 {
		l.Source4 = way.Path.Source
	} else {
		l.Source6 = way.Path.Source
	}
	copy(l.nextHop(is4)[:], way.Path.NextHop)
}

// nextHop returns the Ethernet address of the next hop of a family.
func (l *Paths) nextHop(is4 bool) *[6]byte {
	if is4 {
		return &l.nextHop4
	}
	return &l.nextHop6
}

// findWay finds the way of one family. The next hop of a scan is a gateway; if the
// routes name none, it is the neighbour that answers for the first target.
func findWay(ctx context.Context, p *plan.Plan, c Config, is4 bool, warn func(string)) (link.Way, error) {
	var first link.Way
	var firstErr error
	for i, a := range sample(p, is4) {
		way, err := c.find(ctx, a)
		switch {
		case err == nil && (way.Path.Gateway.IsValid() || way.Path.Framing == link.IP || c.GatewayMAC != nil):
			return way, nil
		case i == 0:
			first, firstErr = way, err
		case err == nil && firstErr != nil:
			first, firstErr = way, nil
		}
		if errors.Is(err, link.ErrNoInterface) || errors.Is(err, link.ErrLinkDown) {
			return link.Way{}, err
		}
	}
	if firstErr == nil && p.Order.Len() > 1 {
		warn(fmt.Sprintf("warning: the route has no gateway; all probes go to the neighbour %v", first.Path.NextHop))
	}
	return first, firstErr
}

// find finds the way to one destination.
func (c Config) find(ctx context.Context, destination netip.Addr) (link.Way, error) {
	r := c.request(destination)
	path, err := link.Find(ctx, r)
	return link.Way{Request: r, Path: path}, err
}

func (c Config) request(destination netip.Addr) link.Request {
	r := link.Request{Destination: destination, Interface: c.Interface, GatewayMAC: c.GatewayMAC}
	for _, s := range c.Sources {
		if s.Is4() == destination.Is4() {
			r.Source = s
		}
	}
	return r
}

// sample returns some targets of one family, in the order of probing.
func sample(p *plan.Plan, is4 bool) []netip.Addr {
	var some []netip.Addr
	const most = 4096 // a family that is rarer will have to do with one
	for i := uint64(0); i < p.Order.Len() && i < most && len(some) < sampleTargets; i++ {
		if a := p.Order.At(i); a.Is4() == is4 {
			some = append(some, a.Netip())
		}
	}
	if len(some) == 0 {
		i := uint64(0)
		if !is4 {
			i = p.List.Len4()
		}
		some = append(some, p.List.At(i).Netip())
	}
	return some
}

// toOurselves reports whether the link is the loopback, the only one whose Ethernet
// address is zero.
func (l *Paths) toOurselves() bool {
	return l.Framing == link.Ethernet && bytes.Equal(l.Hardware, make([]byte, 6))
}

// checkMTU refuses a link through which probes of that size do not fit.
func (l *Paths) checkMTU(is4 bool, size int) error {
	need := size
	if !is4 {
		need = max(need, wire.MinMTU6)
	}
	if l.MTU < need {
		return fmt.Errorf("the MTU of %s is %d bytes; probes need %d", l.Name, l.MTU, need)
	}
	return nil
}

// Sources returns the source addresses for records.
func (l *Paths) Sources() (v4, v6 probe.Addr) {
	return probe.AddrFrom(l.Source4), probe.AddrFrom(l.Source6)
}

// Head returns the link header of sent packets, or nil on a link without one.
func (l *Paths) Head(is4 bool) []byte {
	if l.Framing != link.Ethernet {
		return nil
	}
	const etherType4, etherType6 = 0x0800, 0x86dd
	to, kind := l.nextHop4, uint16(etherType4)
	if !is4 {
		to, kind = l.nextHop6, etherType6
	}
	b := append(to[:len(to):len(to)], l.Hardware...)
	return binary.BigEndian.AppendUint16(b, kind)
}

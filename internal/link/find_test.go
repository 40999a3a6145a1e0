package link

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab/netns"
)

var (
	mac0 = netns.MAC0                         // v0
	mac1 = netns.MAC1                         // v1
	mac9 = net.HardwareAddr{2, 0, 0, 0, 0, 9} // nobody's
	zero = make(net.HardwareAddr, 6)
)

func TestFind(t *testing.T) {
	addr := netip.MustParseAddr
	v0 := func(source, gateway string, hop net.HardwareAddr) Path {
		p := Path{Name: "v0", MTU: 1500, Hardware: mac0, NextHop: hop, Source: addr(source)}
		if gateway != "" {
			p.Gateway = addr(gateway)
		}
		return p
	}
	foreign := v0("198.51.100.7", "192.0.2.2", mac1)
	foreign.ForeignSource = true
	unicast := func(prefix, gateway string) func(*testing.T, *pair) {
		return func(t *testing.T, p *pair) {
			addRoute(t, unix.RTN_UNICAST, prefix, gateway, p.v0.Attrs().Index)
		}
	}
	default4, default6 := unicast("0.0.0.0/0", "192.0.2.2"), unicast("::/0", "fe80::2")
	nothing := func(*testing.T, *pair) {}

	tests := []struct {
		name   string
		before func(*testing.T, *pair)
		req    Request
		want   Path
	}{
		{"on the link", nothing,
			Request{Destination: addr("192.0.2.2")}, v0("192.0.2.1", "", mac1)},
		{"on the link, mapped", nothing,
			Request{Destination: addr("::ffff:192.0.2.2")}, v0("192.0.2.1", "", mac1)},
		{"on the link, IPv6", nothing,
			Request{Destination: addr("2001:db8::2")}, v0("2001:db8::1", "", mac1)},
		{"gateway", default4,
			Request{Destination: addr("203.0.113.9")}, v0("192.0.2.1", "192.0.2.2", mac1)},
		{"gateway, by a named link", default4,
			Request{Destination: addr("203.0.113.9"), Interface: "v0"}, v0("192.0.2.1", "192.0.2.2", mac1)},
		{"gateway, IPv6, link-local", default6,
			Request{Destination: addr("2600::9")}, v0("2001:db8::1", "fe80::2%v0", mac1)},
		{"gateway, IPv6, by a named link", default6,
			Request{Destination: addr("2600::9"), Interface: "v0"}, v0("2001:db8::1", "fe80::2%v0", mac1)},
		{"gateway, IPv6, global", unicast("::/0", "2001:db8::2"),
			Request{Destination: addr("2600::9")}, v0("2001:db8::1", "2001:db8::2", mac1)},
		{"IPv4 by an IPv6 gateway", unicast("0.0.0.0/0", "fe80::2"),
			Request{Destination: addr("203.0.113.9")}, v0("192.0.2.1", "fe80::2%v0", mac1)},
		{"multipath, by a named link", func(t *testing.T, p *pair) {
			hop := &netlink.NexthopInfo{LinkIndex: p.v0.Attrs().Index, Gw: net.IPv4(192, 0, 2, 2)}
			must(t, netlink.RouteAdd(&netlink.Route{
				Dst: &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, MultiPath: []*netlink.NexthopInfo{hop, hop},
			}))
		}, Request{Destination: addr("203.0.113.9"), Interface: "v0"}, v0("192.0.2.1", "192.0.2.2", mac1)},
		{"gateway's hardware address given", default4,
			Request{Destination: addr("203.0.113.9"), GatewayMAC: mac9}, v0("192.0.2.1", "192.0.2.2", mac9)},
		{"no route, but link and gateway given", nothing,
			Request{Destination: addr("203.0.113.9"), Interface: "v0", GatewayMAC: mac9}, v0("192.0.2.1", "", mac9)},
		{"no route, but link and gateway given, IPv6", nothing,
			Request{Destination: addr("2600::9"), Interface: "v0", GatewayMAC: mac9}, v0("2001:db8::1", "", mac9)},
		{"foreign source", default4,
			Request{Destination: addr("203.0.113.9"), Source: addr("198.51.100.7")}, foreign},
		{"own source", func(t *testing.T, p *pair) { default4(t, p); must(t, bringUp("v0", "192.0.2.3/24")) },
			Request{Destination: addr("203.0.113.9"), Source: addr("192.0.2.3")}, v0("192.0.2.3", "192.0.2.2", mac1)},
		{"permanent neighbour", func(t *testing.T, p *pair) {
			default4(t, p)
			must(t, netlink.NeighAdd(&netlink.Neigh{
				LinkIndex: p.v0.Attrs().Index, State: unix.NUD_PERMANENT, IP: net.IPv4(192, 0, 2, 2), HardwareAddr: mac9,
			}))
		}, Request{Destination: addr("203.0.113.9")}, v0("192.0.2.1", "192.0.2.2", mac9)},
		{"no capability is needed", func(t *testing.T, p *pair) { default4(t, p); keepOnly(t, 0) },
			Request{Destination: addr("203.0.113.9")}, v0("192.0.2.1", "192.0.2.2", mac1)},
		{"no capability is needed, IPv6", func(t *testing.T, p *pair) { default6(t, p); keepOnly(t, 0) },
			Request{Destination: addr("2600::9")}, v0("2001:db8::1", "fe80::2%v0", mac1)},
		{"loopback", nothing, Request{Destination: addr("127.0.0.1")},
			Path{Name: "lo", MTU: 65536, Hardware: zero, NextHop: zero, Source: addr("127.0.0.1")}},
		{"own address of a named link", nothing, Request{Destination: addr("192.0.2.1"), Interface: "v0"},
			Path{Name: "lo", MTU: 65536, Hardware: zero, NextHop: zero, Source: addr("192.0.2.1")}},
		{"own address, IPv6", nothing, Request{Destination: addr("2001:db8::1")},
			Path{Name: "lo", MTU: 65536, Hardware: zero, NextHop: zero, Source: addr("2001:db8::1")}},
		{"tun", func(t *testing.T, _ *pair) { addTun(t, unix.ARPHRD_NONE, "10.9.0.1/32", "203.0.113.0/24") },
			Request{Destination: addr("203.0.113.9")},
			Path{Name: "tun0", MTU: 1500, Framing: IP, Source: addr("10.9.0.1")}},
		{"tun, named, no route", func(t *testing.T, _ *pair) { addTun(t, unix.ARPHRD_NONE, "10.9.0.1/32", "") },
			Request{Destination: addr("203.0.113.9"), Interface: "tun0"},
			Path{Name: "tun0", MTU: 1500, Framing: IP, Source: addr("10.9.0.1")}},
		{"raw IP", func(t *testing.T, _ *pair) { addTun(t, unix.ARPHRD_RAWIP, "10.9.0.1/32", "203.0.113.0/24") },
			Request{Destination: addr("203.0.113.9")},
			Path{Name: "tun0", MTU: 1500, Framing: IP, Source: addr("10.9.0.1")}},
		{"link without ARP", func(t *testing.T, p *pair) {
			must(t, netlink.LinkSetARPOff(p.v0))
			default4(t, p)
		}, Request{Destination: addr("203.0.113.9")}, v0("192.0.2.1", "192.0.2.2", mac0)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPair(t)
			index := p.v0.Attrs().Index
			tt.before(t, p)
			tt.req.neighbourWait = patience
			got, err := Find(t.Context(), tt.req)
			if err != nil {
				t.Fatal(err)
			}
			if got.Name == "v0" && got.Index != index || got.Index == 0 {
				t.Errorf("index %d of %s", got.Index, got.Name)
			}
			got.Index = 0
			if got.Gateway.Zone() != "" {
				// The index differs from run to run.
				got.Gateway = got.Gateway.WithZone("v0")
			}
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("Find (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFindErrors(t *testing.T) {
	addr := netip.MustParseAddr
	reject := func(kind int) func(*testing.T, *pair) {
		return func(t *testing.T, p *pair) {
			addRoute(t, kind, "198.51.100.0/24", "", 0)
			addRoute(t, kind, "2600::/16", "", 1)
		}
	}
	nothing := func(*testing.T, *pair) {}
	down := func(t *testing.T, p *pair) { must(t, netlink.LinkSetDown(p.v0)) }
	noCarrier := func(t *testing.T, p *pair) {
		p.Do(t, func() error {
			l, err := netlink.LinkByName("v1")
			if err != nil {
				return err
			}
			return netlink.LinkSetDown(l)
		})
	}
	bare := func(t *testing.T, p *pair) {
		for _, a := range []string{"192.0.2.1/24", "2001:db8::1/64"} {
			a, err := netlink.ParseAddr(a)
			must(t, err)
			must(t, netlink.AddrDel(p.v0, a))
		}
	}
	dest4, dest6 := addr("198.51.100.9"), addr("2600::9")
	tests := []struct {
		name   string
		before func(*testing.T, *pair)
		req    Request
		want   error
		text   string // in the error
	}{
		{"none", nothing, Request{Destination: dest4}, ErrNoRoute, "198.51.100.9: none matches"},
		{"none, IPv6", nothing, Request{Destination: dest6}, ErrNoRoute, "2600::9: none matches"},
		{"none by this link", nothing, Request{Destination: dest4, Interface: "v0"}, ErrNoRoute, "through v0"},
		{"none by this link, IPv6", nothing, Request{Destination: dest6, Interface: "v0"}, ErrNoRoute, "through v0"},
		{"prohibit", reject(unix.RTN_PROHIBIT), Request{Destination: dest4}, ErrNoRoute, "prohibited"},
		{"prohibit, IPv6", reject(unix.RTN_PROHIBIT), Request{Destination: dest6}, ErrNoRoute, "prohibited"},
		{"blackhole", reject(unix.RTN_BLACKHOLE), Request{Destination: dest4}, ErrNoRoute, "blackhole"},
		{"blackhole, IPv6", reject(unix.RTN_BLACKHOLE), Request{Destination: dest6}, ErrNoRoute, "blackhole"},
		{"unreachable", reject(unix.RTN_UNREACHABLE), Request{Destination: dest4}, ErrNoRoute, "unreachable"},
		{"unreachable, IPv6", reject(unix.RTN_UNREACHABLE), Request{Destination: dest6}, ErrNoRoute, "unreachable"},
		{"broadcast", nothing, Request{Destination: addr("192.0.2.255")}, ErrNoRoute, "broadcast"},
		{"multicast", nothing, Request{Destination: addr("ff02::1"), Interface: "v0"}, ErrNoRoute, "multicast"},
		{"unknown link", nothing, Request{Destination: dest4, Interface: "nope0"}, ErrNoInterface, `"nope0"`},
		{"link down", down, Request{Destination: dest4, Interface: "v0"}, ErrLinkDown, "v0: it is not set up"},
		{"no carrier", noCarrier, Request{Destination: addr("192.0.2.2")}, ErrLinkDown, "v0: it has no carrier"},
		{"no neighbour", nothing, Request{Destination: addr("192.0.2.77")}, ErrNoNeighbour, "192.0.2.77 on v0"},
		{"no neighbour, IPv6", nothing, Request{Destination: addr("2001:db8::77")}, ErrNoNeighbour, "2001:db8::77 on v0"},
		{"no source", bare, Request{Destination: dest4, Interface: "v0", GatewayMAC: mac9}, ErrNoSource, "on v0"},
		{"no source, IPv6", bare, Request{Destination: dest6, Interface: "v0", GatewayMAC: mac9}, ErrNoSource, "on v0"},
		{"framing", func(t *testing.T, p *pair) { addTun(t, unix.ARPHRD_INFINIBAND, "10.9.0.1/32", "198.51.100.0/24") },
			Request{Destination: dest4}, ErrFraming, `"infiniband"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.before(t, newPair(t))
			tt.req.neighbourWait = 30 * time.Millisecond
			p, err := Find(t.Context(), tt.req)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("Find = %+v, %v; want %v … %s", p, err, tt.want, tt.text)
			}
			if errors.Is(Permission(err), ErrPermission) {
				t.Errorf("%v passes for a missing permission", err)
			}
		})
	}
}

func TestFindBadRequest(t *testing.T) {
	for _, r := range []Request{
		{},
		{Destination: netip.MustParseAddr("192.0.2.1"), Source: netip.MustParseAddr("2001:db8::1")},
		{Destination: netip.MustParseAddr("192.0.2.1"), GatewayMAC: make(net.HardwareAddr, 8)},
	} {
		if p, err := Find(t.Context(), r); err == nil {
			t.Errorf("Find(%+v) = %+v, want an error", r, p)
		}
	}
}

// The end of the context ends the wait for a neighbour.
func TestFindCancel(t *testing.T) {
	newPair(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := Find(ctx, Request{Destination: netip.MustParseAddr("192.0.2.77"), neighbourWait: time.Hour})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Find = %v, want the context's error", err)
	}
}

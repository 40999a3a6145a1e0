package link

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab/netns"
)

func TestMonitor(t *testing.T) {
	p := newPair(t)
	m, err := OpenMonitor(Way{Path: Path{Index: p.v0.Attrs().Index, Source: netip.MustParseAddr("192.0.2.1")}})
	must(t, err)
	defer m.Close()
	state := func() State {
		if s := m.State(); s != Up {
			return s
		}
		s, _ := m.Way(0)
		return s
	}
	if state() != Up {
		t.Fatalf("at first: %v", state())
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	states, result := make(chan State, 100), make(chan error)
	go func() {
		result <- m.Run(ctx, func() time.Time { states <- state(); return time.Time{} })
		close(states)
	}()
	source, err := netlink.ParseAddr("192.0.2.1/24")
	must(t, err)
	other := func(f func(netlink.Link) error) error {
		p.Do(t, func() error {
			v1, err := netlink.LinkByName("v1")
			if err != nil {
				return err
			}
			return f(v1)
		})
		return nil
	}
	for _, step := range []struct {
		name string
		do   func() error
		want State
	}{
		{"carrier lost", func() error { return other(netlink.LinkSetDown) }, Down},
		{"carrier back", func() error { return other(netlink.LinkSetUp) }, Up},
		{"address removed", func() error { return netlink.AddrDel(p.v0, source) }, NoAddress},
		{"address back", func() error { return netlink.AddrAdd(p.v0, source) }, Up},
		{"set down", func() error { return netlink.LinkSetDown(p.v0) }, Down},
		{"set up", func() error { return netlink.LinkSetUp(p.v0) }, Up},
		{"deleted", func() error { return netlink.LinkDel(p.v0) }, Gone},
	} {
		must(t, step.do())
		dbgOut, _ := exec.Command("ip", "neigh").CombinedOutput()
		t.Logf("%s %s", step.name, dbgOut)
		for got := range states {
			if got == step.want {
				break
			}
			t.Logf("%s: %v on the way", step.name, got)
		}
		if state() != step.want {
			t.Fatalf("%s: %v, want %v", step.name, state(), step.want)
		}
	}
	if err := <-result; err != nil || ctx.Err() != nil {
		t.Errorf("Run = %v, %v; want nil once the link is gone", err, ctx.Err())
	}
	if _, err := m.Counters(); !errors.Is(err, ErrNoInterface) {
		t.Errorf("Counters = %v, want %v", err, ErrNoInterface)
	}
}

// The monitor follows the way to a destination: its route, its gateway, and the gateway's Ethernet
// address.
func TestMonitorFollows(t *testing.T) {
	p := newPair(t)
	index := p.v0.Attrs().Index
	addRoute(t, unix.RTN_UNICAST, "45.0.0.0/8", "192.0.2.2", index)
	request := Request{Destination: netip.MustParseAddr("45.1.2.3")}
	path, err := Find(t.Context(), request)
	must(t, err)
	m, err := OpenMonitor(Way{Request: request, Path: path})
	must(t, err)
	defer m.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	type look struct {
		state State
		hop   string
	}
	looks, result := make(chan look, 1000), make(chan error, 1)
	go func() {
		result <- m.Run(ctx, func() time.Time {
			s, hop := m.Way(0)
			looks <- look{s, hop.String()}
			return time.Time{}
		})
		close(looks)
	}()
	neighbour := func(addr, mac string) func() error {
		return func() error {
			hardware, err := net.ParseMAC(mac)
			must(t, err)
			return netlink.NeighSet(&netlink.Neigh{
				LinkIndex: index, IP: net.ParseIP(addr), HardwareAddr: hardware, State: unix.NUD_REACHABLE, Family: unix.AF_INET,
			})
		}
	}
	route := func(gateway string) func() error {
		return func() error {
			return netlink.RouteReplace(&netlink.Route{LinkIndex: index, Gw: net.ParseIP(gateway), Dst: mustNet(t, "45.0.0.0/8")})
		}
	}
	own := path.NextHop.String()
	const first, second = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
	for _, step := range []struct {
		name string
		do   func() error
		want look
	}{
		{"at first", func() error { return nil }, look{Up, own}},
		{"the gateway moves", neighbour("192.0.2.2", first), look{Up, first}},
		{"a new gateway that is silent", route("192.0.2.9"), look{NoNeighbour, first}},
		{"it answers", neighbour("192.0.2.9", second), look{Up, second}},
		{"no route", func() error { return netlink.RouteDel(&netlink.Route{LinkIndex: index, Dst: mustNet(t, "45.0.0.0/8")}) }, look{NoRoute, second}},
		{"the first gateway again", route("192.0.2.2"), look{Up, first}},
		{"by another link", func() error {
			lo := netns.Up(t, "lo")
			return netlink.RouteReplace(&netlink.Route{LinkIndex: lo.Attrs().Index, Dst: mustNet(t, "45.1.0.0/16")})
		}, look{NoRoute, first}},
	} {
		must(t, step.do())
		dbgOut, _ := exec.Command("ip", "neigh").CombinedOutput()
		t.Logf("%s %s", step.name, dbgOut)
		got := look{}
		for got = range looks {
			if got == step.want {
				break
			}
		}
		if got != step.want {
			t.Fatalf("%s: %v, want %v", step.name, got, step.want)
		}
	}
	cancel()
	for range looks {
		continue
	}
	must(t, <-result)
}

func mustNet(t *testing.T, prefix string) *net.IPNet {
	_, n, err := net.ParseCIDR(prefix)
	must(t, err)
	return n
}

func TestMonitorEndsWithContext(t *testing.T) {
	netns.Enter(t)
	m, err := OpenMonitor(Way{Path: Path{Index: 1, Source: netip.MustParseAddr("198.51.100.1"), ForeignSource: true}})
	must(t, err)
	defer m.Close()
	if m.State() != Up {
		t.Errorf("loopback with a foreign source: %v, want up", m.State())
	}
	for i := range 200 {
		wait := time.Duration(i%2) * time.Millisecond
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		if err := m.Run(ctx, nil); err != nil || m.State() != Up {
			t.Errorf("Run = %v, state %v; want nil, up", err, m.State())
		}
		cancel()
	}
}

// A veth immediately drops frames that are larger than its peer's MTU, and counts them on both
// sides.
func TestCounters(t *testing.T) {
	p := newPair(t)
	m, err := OpenMonitor(Way{Path: Path{Index: p.v0.Attrs().Index}})
	must(t, err)
	defer m.Close()
	before, err := m.Counters()
	must(t, err)

	must(t, setMTU("v0", 1400))
	p.Do(t, func() error { return sendFrames("v1", 7, 1500) })
	must(t, setMTU("v0", 1500))
	p.Do(t, func() error { return setMTU("v1", 1400) })
	must(t, sendFrames("v0", 5, 1500))

	after, err := m.Counters()
	must(t, err)
	if got := after.Sub(before); got.RxDropped != 7 || got.TxDropped != 5 || got.RxErrors != 0 || got.TxErrors != 0 {
		t.Errorf("counted %+v, want 7 dropped on receipt, 5 on sending", got)
	}
}

func setMTU(name string, octets int) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetMTU(l, octets)
}

// sendFrames sends n broadcast frames of size octets of payload each.
func sendFrames(name string, n, size int) error {
	l, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	const lenEthernet = 14
	frame := make([]byte, lenEthernet+size)
	copy(frame, net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	copy(frame[6:], l.Attrs().HardwareAddr)
	frame[12], frame[13] = 0x88, 0xb5 // for local experiments (IEEE 802)
	for range n {
		err := unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: l.Attrs().Index})
		if err != nil && err != unix.ENOBUFS { // ENOBUFS: dropped, as intended
			return err
		}
	}
	return nil
}

// The monitor compares the routes of all targets with the way. It reports when some leave by
// another.
func TestMonitorTargets(t *testing.T) {
	p := newPair(t)
	index := p.v0.Attrs().Index
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "d0"}, PeerName: "d1"}))
	netns.Up(t, "d1")
	d0 := netns.Up(t, "d0").Attrs().Index
	addRoute(t, unix.RTN_UNICAST, "45.0.0.0/8", "192.0.2.2", index)
	request := Request{Destination: netip.MustParseAddr("45.1.2.3")}
	path, err := Find(t.Context(), request)
	must(t, err)
	target := netip.MustParseAddr("45.3.1.1")
	m, err := OpenMonitor(Way{Request: request, Path: path, Targets: &Targets{Within: func(p netip.Prefix) (netip.Addr, bool) {
		return target, p.Contains(target)
	}}})
	must(t, err)
	defer m.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	states, result := make(chan State, 1000), make(chan error, 1)
	go func() {
		result <- m.Run(ctx, func() time.Time {
			s, _ := m.Way(0)
			states <- s
			return time.Time{}
		})
		close(states)
	}()
	route := func(change func(*netlink.Route) error, kind, link int) func() error {
		return func() error {
			return change(&netlink.Route{Dst: mustNet(t, "45.3.0.0/16"), Type: kind, LinkIndex: link})
		}
	}
	for _, step := range []struct {
		name string
		do   func() error
		want State
	}{
		{"nothing", func() error { return nil }, Up},
		{"another link", route(netlink.RouteAdd, unix.RTN_UNICAST, d0), Apart},
		{"back", route(netlink.RouteDel, unix.RTN_UNICAST, d0), Up},
		{"a black hole", route(netlink.RouteAdd, unix.RTN_BLACKHOLE, 0), Apart},
		{"back again", route(netlink.RouteDel, unix.RTN_BLACKHOLE, 0), Up},
	} {
		must(t, step.do())
		for got := range states {
			if got == step.want {
				break
			}
		}
		if ctx.Err() != nil {
			t.Fatalf("%s: not %v in time", step.name, step.want)
		}
	}
	cancel()
	must(t, <-result)
}

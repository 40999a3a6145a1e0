package link

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab/netns"
)

// Others names the routes of destinations that leave in another way, and no others.
func TestOthers(t *testing.T) {
	p := newPair(t)
	lo := netns.Up(t, "lo")
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "d0"}, PeerName: "d1"}))
	netns.Up(t, "d1")
	d0 := netns.Up(t, "d0")
	index := p.v0.Attrs().Index
	must(t, netlink.NeighSet(&netlink.Neigh{
		LinkIndex: index, IP: net.ParseIP("192.0.2.9"), HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9}, State: unix.NUD_REACHABLE, Family: unix.AF_INET,
	}))
	for prefix, gateway := range map[string]string{
		"0.0.0.0/0": "192.0.2.2", "45.1.0.0/16": "192.0.2.2", "45.2.0.0/16": "192.0.2.9", "::/0": "2001:db8::2",
	} {
		addRoute(t, unix.RTN_UNICAST, prefix, gateway, index)
	}
	addRoute(t, unix.RTN_UNICAST, "45.3.0.0/16", "", d0.Attrs().Index)
	addRoute(t, unix.RTN_UNICAST, "2a00:3::/32", "", d0.Attrs().Index)
	addRoute(t, unix.RTN_PROHIBIT, "45.4.0.0/16", "", 0)
	must(t, netlink.RouteAdd(&netlink.Route{LinkIndex: lo.Attrs().Index, Dst: mustNet(t, "45.5.5.5/32")}))
	tests := []struct {
		way     string
		targets []string
		want    []string
	}{
		{"45.9.9.9", []string{"45.9.9.9", "45.1.1.1", "46.0.0.1"}, nil},
		{"45.9.9.9", []string{"45.2.1.1"}, []string{"45.2.1.1 v0 via 192.0.2.9"}},
		{"45.9.9.9", []string{"45.3.1.1"}, []string{"45.3.1.1 d0 directly"}},
		{"45.9.9.9", []string{"45.4.1.1"}, []string{"45.4.1.1 no route to 45.4.1.1: prohibited by a route"}},
		{"45.9.9.9", []string{"45.5.5.5"}, []string{"45.5.5.5 lo directly"}},
		{"45.9.9.9", []string{"192.0.2.77"}, []string{"192.0.2.77 v0 directly"}},
		{"45.2.9.9", []string{"45.2.1.1"}, nil},
		{"45.2.9.9", []string{"45.2.1.1", "46.0.0.1"}, []string{"46.0.0.1 v0 via 192.0.2.2"}},
		{"2a00:1::1", []string{"45.3.1.1", "2a00:2::1"}, nil},
		{"2a00:1::1", []string{"2a00:3::1"}, []string{"2a00:3::1 d0 directly"}},
	}
	for _, tt := range tests {
		request := Request{Destination: netip.MustParseAddr(tt.way)}
		path, err := Find(t.Context(), request)
		must(t, err)
		var sample []netip.Addr
		if len(tt.targets) > 1 { // so that the last of them is found
			sample = []netip.Addr{netip.MustParseAddr(tt.targets[len(tt.targets)-1])}
		}
		within := func(p netip.Prefix) (netip.Addr, bool) {
			for _, text := range tt.targets {
				if a := netip.MustParseAddr(text); p.Contains(a) {
					return a, true
				}
			}
			return netip.Addr{}, false
		}
		others, err := Others(t.Context(), Way{Request: request, Path: path, Targets: &Targets{Sample: sample, Within: within}})
		must(t, err)
		var got []string
		for _, o := range others {
			got = append(got, o.Destination.String()+" "+o.Way)
		}
		if slices.Sort(got); !slices.Equal(slices.Compact(got), tt.want) {
			t.Errorf("%s, targets %v: %q, want %q", tt.way, tt.targets, got, tt.want)
		}
		// One by one, the result is the same, now and again.
		strays, err := NewStrays(t.Context(), Way{Request: request, Path: path})
		must(t, err)
		got = nil
		for range 2 {
			for _, text := range tt.targets {
				a := netip.MustParseAddr(text)
				if a.Is4() != request.Destination.Is4() {
					continue
				}
				way, err := strays.Other(a)
				must(t, err)
				if way != "" {
					got = append(got, text+" "+way)
				}
			}
		}
		strays.Close()
		if slices.Sort(got); !slices.Equal(slices.Compact(got), tt.want) {
			t.Errorf("%s, one by one, targets %v: %q, want %q", tt.way, tt.targets, got, tt.want)
		}
	}
}

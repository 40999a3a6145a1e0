package routers

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/names"
)

// The names of the setups.
const (
	Name        = "routers"
	NameLimited = "routers-limited"
)

// Setup is the lab with all limits on ICMP errors lifted. It needs ip(8) and nft(8).
func Setup() lab.Setup { return setup(Name, LiftLimits) }

// LimitedSetup is the same lab with the kernel's own limits on ICMP errors.
func LimitedSetup() lab.Setup { return setup(NameLimited, KeepLimits) }

func setup(name string, limits Limits) lab.Setup {
	return lab.Setup{Name: name, Answers: New().answers(), Build: func(ctx context.Context, option string) (end func() error, err error) {
		if option != "" {
			return nil, fmt.Errorf("unknown option %q", option)
		}
		t := New()
		if err := t.Build(ctx, limits); err != nil {
			return nil, err
		}
		return nil, names.Serve(t.newZone())
	}}
}

// Build makes the network around the calling thread's network namespace. That becomes the vantage
// point and should be empty and without a name. The network exists as long as the mount namespace
// and the process.
func (t *Topology) Build(ctx context.Context, limits Limits) error {
	var names []string
	for _, n := range t.nodes[1:] {
		names = append(names, "netns add "+n)
	}
	if err := feed(ctx, names, "ip", "-batch", "-"); err != nil {
		return fmt.Errorf("make namespaces: %w", err)
	}
	for _, n := range t.nodes {
		set := settings(limits)
		if t.forwards(n) {
			set = append(set, forwarding()...)
		}
		if err := within(n, func() error { return write(set) }); err != nil {
			return fmt.Errorf("settings of %s: %w", n, err)
		}
	}
	var veths []string
	for _, l := range t.links {
		veths = append(veths, fmt.Sprintf("link add name %s index %d%s type veth peer name %s index %d netns %s",
			l.device(l.near), l.index(l.near), inNetns(l.near), l.device(l.far), l.index(l.far), l.far))
	}
	if err := feed(ctx, veths, "ip", "-batch", "-"); err != nil {
		return fmt.Errorf("make links: %w", err)
	}
	for _, n := range t.nodes {
		if err := within(n, func() error { return t.configure(ctx, n, limits) }); err != nil {
			return fmt.Errorf("configure %s: %w", n, err)
		}
	}
	for _, n := range t.nodes {
		if err := within(n, func() error { return t.await(ctx, n) }); err != nil {
			return fmt.Errorf("links of %s: %w", n, err)
		}
	}
	return nil
}

// await waits until the kernel reports the links of the calling thread's node as up. Before that,
// IPv6 does not use them.
func (t *Topology) await(ctx context.Context, node string) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for _, l := range t.linksOf(node) {
		for {
			nic, err := netlink.LinkByName(l.device(node))
			if err != nil {
				return fmt.Errorf("look at %s: %w", l.device(node), err)
			}
			if nic.Attrs().OperState == netlink.OperUp {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s did not come up: %w", l.device(node), ctx.Err())
			case <-time.After(settleTime / 1000):
			}
		}
	}
	return nil
}

// settleTime limits how long links may take to come up: normally some milliseconds, or a second or
// two with the kernel's own delay.
const settleTime = 10 * time.Second

func inNetns(node string) string {
	if node == vantage {
		return ""
	}
	return " netns " + node
}

// forwards reports whether a node is a router.
func (t *Topology) forwards(node string) bool {
	return len(t.linksOf(node)) > 1
}

// configure sets up the node whose namespace the calling thread is in.
func (t *Topology) configure(ctx context.Context, node string, limits Limits) error {
	if err := feed(ctx, append(t.addressLines(node), t.routeLines(node)...), "ip", "-batch", "-"); err != nil {
		return err
	}
	for _, l := range t.linksOf(node) {
		if err := lab.NoOffload(l.device(node)); err != nil {
			return err
		}
	}
	if err := feed(ctx, t.filterLines(node, limits), "nft", "-f", "-"); err != nil {
		return err
	}
	if slices.Contains(t.services, node) {
		return serve()
	}
	return nil
}

// addressLines returns the ip(8) commands that bring up a node's links.
func (t *Topology) addressLines(node string) []string {
	lines := []string{"link set lo up"}
	for _, l := range t.linksOf(node) {
		device := l.device(node)
		for i, a := range l.addrs(node) {
			line := fmt.Sprintf("address add %s/%d dev %s", a, l.prefixes()[i].Bits(), device)
			if a.Is6() {
				line += " nodad" // so that routes may use it at once
			}
			lines = append(lines, line)
		}
		lines = append(lines, "link set "+device+" up")
	}
	return lines
}

// routeLines returns the ip(8) commands that make a node's routing tables. The vantage point has
// only default routes, like a machine at home.
func (t *Topology) routeLines(node string) []string {
	if node == vantage {
		next := t.nodes[1]
		return []string{
			"route add 0.0.0.0/0" + t.via(vantage, next, 0),
			"route add ::/0" + t.via(vantage, next, 1),
		}
	}
	var lines []string
	for _, l := range t.links {
		if l.near == node || l.far == node {
			continue
		}
		for family, p := range l.prefixes() {
			line := "route add " + p.String() + t.via(node, l.near, family)
			if l.near == vantage {
				// Some kernels take the source of an IPv6 error from the link by
				// which the probe came, unless the route sets one.
				line += " src " + t.upstream(node)[family].String()
			}
			lines = append(lines, line)
		}
	}
	for _, a := range t.territories {
		switch {
		case a.Node != node:
			lines = append(lines, "route add "+a.V4.String()+t.via(node, a.Node, 0),
				"route add "+a.V6.String()+t.via(node, a.Node, 1))
		case a.Ending == Reached:
			// Every address of the prefix belongs to this node.
			lines = append(lines, "route add local "+a.V4.String()+" dev lo",
				"route add local "+a.V6.String()+" dev lo")
		default:
			lines = append(lines, fmt.Sprintf("route add %s %s", a.Ending, a.V4),
				fmt.Sprintf("route add %s %s", a.Ending, a.V6))
		}
	}
	return lines
}

// via returns the rest of a route's command: the next hops.
func (t *Topology) via(node, to string, family int) string {
	next := t.next(node, to)
	gateway := func(n string) string {
		return " via " + t.between(node, n).addrs(n)[family].String()
	}
	if len(next) == 1 {
		return gateway(next[0])
	}
	var s strings.Builder
	for _, n := range next {
		s.WriteString(" nexthop" + gateway(n) + " weight 1")
	}
	return s.String()
}

// Ports of the nodes with services. All other ports are closed.
const (
	openPort     = 80
	openPortToo  = 443
	filteredPort = 25
)

// serve accepts connections on the open ports of the calling thread's namespace, and closes them.
func serve() error {
	for _, port := range []int{openPort, openPortToo} {
		// The lab ends with the process, and the listener with it.
		l, err := net.Listen("tcp", fmt.Sprintf("[::]:%d", port))
		if err != nil {
			return fmt.Errorf("open port: %w", err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Close()
			}
		}()
	}
	return nil
}

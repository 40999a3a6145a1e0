package link

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab/netns"
)

func TestMonitor(t *testing.T) {
	p := newPair(t)
	m, err := OpenMonitor(Path{Index: p.v0.Attrs().Index, Source: netip.MustParseAddr("192.0.2.1")})
	must(t, err)
	defer m.Close()
	if m.State() != Up {
		t.Fatalf("at first: %v", m.State())
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	states, result := make(chan State, 100), make(chan error)
	go func() {
		result <- m.Run(ctx, func(s State) { states <- s })
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
		for got := range states {
			if got == step.want {
				break
			}
			t.Logf("%s: %v on the way", step.name, got)
		}
		if m.State() != step.want {
			t.Fatalf("%s: %v, want %v", step.name, m.State(), step.want)
		}
	}
	if err := <-result; err != nil || ctx.Err() != nil {
		t.Errorf("Run = %v, %v; want nil once the link is gone", err, ctx.Err())
	}
	if _, err := m.Counters(); !errors.Is(err, ErrNoInterface) {
		t.Errorf("Counters = %v, want %v", err, ErrNoInterface)
	}
}

func TestMonitorEndsWithContext(t *testing.T) {
	netns.Enter(t)
	m, err := OpenMonitor(Path{Index: 1, Source: netip.MustParseAddr("198.51.100.1"), ForeignSource: true})
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
	m, err := OpenMonitor(Path{Index: p.v0.Attrs().Index})
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

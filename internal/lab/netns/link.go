package netns

import (
	"net"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The hardware addresses of a veth pair's ends.
var (
	MAC0 = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	MAC1 = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

// NewVeth makes a veth pair, v0 and v1, with MAC0 and MAC1 and without addresses. Both
// ends are up, in the calling thread's namespace.
func NewVeth(t testing.TB) (v0, v1 netlink.Link) {
	t.Helper()
	must(t, netlink.LinkAdd(veth()))
	return Up(t, "v0"), Up(t, "v1")
}

// NewVethTo is like NewVeth with v1 in the peer's namespace. Both ends are down.
func NewVethTo(t testing.TB, p *Peer) {
	t.Helper()
	pair := veth()
	pair.PeerNamespace = p.Handle()
	must(t, netlink.LinkAdd(pair))
}

func veth() *netlink.Veth {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = "v0", MAC0
	return &netlink.Veth{LinkAttrs: attrs, PeerName: "v1", PeerHardwareAddr: MAC1}
}

// Up sets the link of that name up, in the calling thread's namespace.
func Up(t testing.TB, name string) netlink.Link {
	t.Helper()
	l, err := netlink.LinkByName(name)
	must(t, err)
	must(t, netlink.LinkSetUp(l))
	return l
}

// patience is the longest time that the kernel may take for a change that it usually makes at
// once.
const patience = 10 * time.Second

// AwaitCarrier waits until the link of that name is up at both ends.
func AwaitCarrier(t testing.TB, name string) {
	t.Helper()
	updates, done := make(chan netlink.LinkUpdate, 16), make(chan struct{})
	defer close(done)
	must(t, netlink.LinkSubscribe(updates, done))
	late := time.After(patience)
	for {
		l, err := netlink.LinkByName(name)
		must(t, err)
		if l.Attrs().OperState == netlink.OperUp {
			return
		}
		select {
		case <-updates:
		case <-late:
			t.Fatalf("%s is %v", name, l.Attrs().OperState)
		}
	}
}

// NewTun makes a device tun0 of that mode, unix.IFF_TUN for IP packets or unix.IFF_TAP for
// Ethernet frames, without packet information. The device is down. The file that it
// returns does not block; the device lasts until the test ends.
func NewTun(t testing.TB, mode uint16) (fd int) {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("needs /dev/net/tun: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	request, err := unix.NewIfreq("tun0")
	must(t, err)
	request.SetUint16(mode | unix.IFF_NO_PI)
	must(t, unix.IoctlIfreq(fd, unix.TUNSETIFF, request))
	return fd
}

// Listen opens a socket that receives every frame that comes in on the link. It does not
// block, and lasts until the test ends.
func Listen(t testing.TB, l netlink.Link) (fd int) {
	t.Helper()
	const all = uint16(unix.ETH_P_ALL)<<8 | uint16(unix.ETH_P_ALL)>>8 // in network order
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	must(t, unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: l.Attrs().Index, Protocol: all}))
	return fd
}

// Read returns the next frame of a descriptor that does not block, such as those of Listen and
// NewTun. It returns nil if no frame comes in that time.
func Read(fd int, wait time.Duration) []byte {
	frame := make([]byte, 2048)
	for end := time.Now().Add(wait); ; {
		n, err := unix.Read(fd, frame)
		if err == nil {
			return frame[:n]
		}
		left := time.Until(end)
		if err != unix.EAGAIN || left <= 0 {
			return nil
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left/time.Millisecond)+1)
	}
}

// Transmit sends a frame on the link n times.
func Transmit(t testing.TB, l netlink.Link, frame []byte, n int) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	for range n {
		must(t, unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: l.Attrs().Index}))
	}
}

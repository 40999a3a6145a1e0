package sender

import (
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// enterNetns moves the test's goroutine into a network namespace of its own, on a thread that ends
// with it. The namespace has no links except those that the test makes.
func enterNetns(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for network namespaces")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("needs CAP_SYS_ADMIN, for network namespaces: %v", err)
	}
	// Prevents the kernel from sending packets of its own.
	for _, name := range []string{"all", "default"} {
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0)
	}
}

var (
	mac0 = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	mac1 = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

// newPair makes a veth pair. Both ends are in the namespace, up, and without an address.
func newPair(t testing.TB) (v0, v1 netlink.Link) {
	t.Helper()
	enterNetns(t)
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = "v0", mac0
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "v1", PeerHardwareAddr: mac1}))
	return linkUp(t, "v0"), linkUp(t, "v1")
}

func linkUp(t testing.TB, name string) netlink.Link {
	t.Helper()
	l, err := netlink.LinkByName(name)
	must(t, err)
	must(t, netlink.LinkSetUp(l))
	return l
}

// newTun makes a tun device without packet information. The file fd reads the packets that are sent
// on it.
func newTun(t testing.TB) (l netlink.Link, fd int) {
	t.Helper()
	return newTunTap(t, unix.IFF_TUN)
}

// newTunTap makes a device of that mode: IFF_TUN for IP packets, IFF_TAP for Ethernet frames.
func newTunTap(t testing.TB, mode uint16) (l netlink.Link, fd int) {
	t.Helper()
	enterNetns(t)
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("needs /dev/net/tun: %v", err)
	}
	t.Cleanup(func() { unix.Close(fd) }) // deletes the device
	ifr, err := unix.NewIfreq("tun0")
	must(t, err)
	ifr.SetUint16(mode | unix.IFF_NO_PI)
	must(t, unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr))
	return linkUp(t, "tun0"), fd
}

// tap opens a socket that receives every frame that arrives on the link.
func tap(t testing.TB, l netlink.Link) (fd int) {
	t.Helper()
	const all = uint16(unix.ETH_P_ALL)<<8 | uint16(unix.ETH_P_ALL)>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	must(t, unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: l.Attrs().Index, Protocol: all}))
	return fd
}

// readFrame returns the next frame of a tap or tun, or nil if none arrives within wait.
func readFrame(t testing.TB, fd int, wait time.Duration) []byte {
	t.Helper()
	buf := make([]byte, 2048)
	for end := time.Now().Add(wait); ; {
		n, err := unix.Read(fd, buf)
		if err == nil {
			return buf[:n]
		}
		left := time.Until(end)
		if err != unix.EAGAIN || left <= 0 {
			return nil
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, int(left/time.Millisecond)+1)
	}
}

package internet

import (
	"encoding/binary"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab/netns"
)

// TestTunPaths moves packets in both directions through a tun device, with the ring and without.
// All arrive in order, and without an allocation.
func TestTunPaths(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a tun device")
	}
	for _, path := range []string{"ring", "plain"} {
		t.Run(path, func(t *testing.T) {
			netns.EnterQuiet(t)
			tun, err := openTun(LinkName)
			if err != nil {
				t.Skipf("needs a tun device: %v", err)
			}
			defer func() { tun.close() }()
			if path == "ring" && tun.ring == nil {
				t.Skip("needs io_uring")
			}
			if path == "plain" && tun.ring != nil {
				tun.ring.close()
				tun.ring = nil
			}
			socket := tunSocket(t)
			for round := range 3 {
				testReceive(t, tun, socket, round)
				testSend(t, tun, socket, round)
			}
			none := func(int64, []byte) { t.Error("a packet from nowhere") }
			if n := testing.AllocsPerRun(100, func() { tun.receive(none); tun.flush() }); n != 0 {
				t.Errorf("%v allocations", n)
			}
			if tun.ask != leastAsk {
				t.Errorf("an idle link is asked for %d packets, want %d", tun.ask, leastAsk)
			}
			if _, out := tun.drops(); out != 0 {
				t.Errorf("%d packets unsent", out)
			}
			tun.send([]byte{0xff}) // not an IP packet
			tun.flush()
			if _, out := tun.drops(); out != 1 {
				t.Errorf("%d packets unsent, want the broken one", out)
			}
		})
	}
}

const tunPackets = 3*batchSize + 7 // no whole number of bursts

var tunNear, tunFar = [4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 2}

// tunSocket sets the link up and opens a UDP socket on it, for port 7.
func tunSocket(t *testing.T) int {
	t.Helper()
	link, err := netlink.LinkByName(LinkName)
	if err != nil {
		t.Fatal(err)
	}
	address := &netlink.Addr{IPNet: &net.IPNet{IP: tunNear[:], Mask: net.CIDRMask(24, 32)}}
	for _, err := range []error{netlink.AddrAdd(link, address), netlink.LinkSetUp(link)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: 7}); err != nil {
		t.Fatal(err)
	}
	return fd
}

func testReceive(t *testing.T, tun *tun, socket, round int) {
	t.Helper()
	var payload [4]byte
	for i := range tunPackets {
		binary.BigEndian.PutUint32(payload[:], uint32(i))
		if err := unix.Sendto(socket, payload[:], 0, &unix.SockaddrInet4{Port: 7, Addr: tunFar}); err != nil {
			t.Fatal(err)
		}
	}
	var got uint32
	handle := func(_ int64, packet []byte) {
		if len(packet) != 32 || [4]byte(packet[16:]) != tunFar {
			return // a packet of the kernel's own
		}
		if number := binary.BigEndian.Uint32(packet[28:]); number != got {
			t.Errorf("round %d: received packet %d, want %d", round, number, got)
		}
		got++
	}
	for tun.receive(handle) > 0 {
	}
	if got != tunPackets {
		t.Errorf("round %d: received %d packets, want %d", round, got, tunPackets)
	}
}

func testSend(t *testing.T, tun *tun, socket, round int) {
	t.Helper()
	// The packet has no UDP checksum.
	packet := [32]byte{0: 0x45, 3: 32, 8: 64, 9: unix.IPPROTO_UDP, 21: 7, 23: 7, 25: 12}
	copy(packet[12:], tunFar[:])
	copy(packet[16:], tunNear[:])
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(packet[i:]))
	}
	binary.BigEndian.PutUint16(packet[10:], ^uint16(sum+sum>>16))
	number := uint32(0)
	if n := testing.AllocsPerRun(tunPackets-1, func() { // called once more to warm up
		binary.BigEndian.PutUint32(packet[28:], number)
		number++
		tun.send(packet[:])
	}); n != 0 {
		t.Errorf("%v allocations a packet sent", n)
	}
	tun.flush()
	var buf [64]byte
	for want := range number {
		// The kernel delivers asynchronously.
		for end := time.Now().Add(5 * time.Second); ; runtime.Gosched() {
			n, err := unix.Read(socket, buf[:])
			if err == unix.EAGAIN && time.Now().Before(end) {
				continue
			}
			if err != nil || n != 4 || binary.BigEndian.Uint32(buf[:]) != want {
				t.Fatalf("round %d: packet % x, %v; want number %d", round, buf[:max(n, 0)], err, want)
			}
			break
		}
	}
}

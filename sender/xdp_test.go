package sender

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/lab/netns"
	"github.com/masstrace/masstrace/internal/probe"
)

func openXDP(t testing.TB, l netlink.Link) *XDP {
	t.Helper()
	x, err := OpenXDP(XDPConfig{
		Index: l.Attrs().Index, Source: [6]byte(mac0), NextHop4: [6]byte(mac1), NextHop6: [6]byte(mac1),
	})
	must(t, err)
	return x
}

// fill copies packets into a batch and returns their sizes.
func fill(p Port, packets [][]byte) (sizes []int) {
	for i, b := range packets {
		copy(p.Packet(i, b[0]>>4 == 4), b)
		sizes = append(sizes, len(b))
	}
	return sizes
}

// framed returns the packet after the header that openXDP configures.
func framed(packet []byte) []byte {
	kind := []byte{8, 0}
	if packet[0]>>4 == 6 {
		kind = []byte{0x86, 0xdd}
	}
	return slices.Concat(mac1, mac0, kind, packet)
}

// Frames arrive unchanged and in order, in batches of any size, even if there are more than the
// memory holds at once. Close returns after the last one left.
func TestXDP(t *testing.T) {
	v0, v1 := newPair(t)
	fd := netns.Listen(t, v1)
	for _, method := range []probe.Method{probe.UDP, probe.ICMP, probe.TCPSYN} {
		x := openXDP(t, v0)
		if x.ZeroCopy() {
			t.Error("veth reports zero copy")
		}
		packets := probes(t, testCodec(t, method), 500)
		for round := range 2 + xdpFrames/len(packets) {
			for n, rest := 1, packets; len(rest) > 0; n = n%MaxBatch + 9 {
				batch := rest[:min(n, len(rest), MaxBatch)]
				rest = rest[len(batch):]
				sizes := fill(x, batch)
				for from := 0; from < len(batch); {
					k, err := x.Send(sizes, from, len(batch))
					must(t, err)
					from += k
				}
			}
			for i, packet := range packets {
				if got, want := netns.Read(fd, 5*time.Second), framed(packet); !bytes.Equal(got, want) {
					t.Fatalf("%v, round %d: frame %d is\n% x, want\n% x", method, round, i, got, want)
				}
			}
		}
		must(t, x.Close())
		if len(x.free) != xdpFrames {
			t.Errorf("%d frames have not come back", xdpFrames-len(x.free))
		}
	}
	if b := netns.Read(fd, 0); b != nil {
		t.Errorf("one frame more: % x", b)
	}
}

// A full queue returns its error for the first frame without room. That frame and all after it are
// withdrawn. They leave once, in order, when there is room.
func TestXDPQueueFull(t *testing.T) {
	link, fd := newTun(t, unix.IFF_TAP)
	must(t, netlink.LinkSetTxQLen(link, 4))
	must(t, netlink.LinkSetHardwareAddr(link, mac0))
	x := openXDP(t, link)
	packets := probes(t, testCodec(t, probe.UDP), 60)
	sizes := fill(x, packets)
	refused, read := 0, 0
	next := func() {
		t.Helper()
		if got, want := netns.Read(fd, time.Second), framed(packets[read]); !bytes.Equal(got, want) {
			t.Fatalf("frame %d is\n% x, want\n% x", read, got, want)
		}
		read++
	}
	for from := 0; from < len(packets); {
		n, err := x.Send(sizes, from, len(packets))
		from += n
		if from < len(packets) && !isBusy(err) {
			t.Fatalf("Send = %d, %v", n, err)
		}
		if n == 0 {
			refused++
			next()
		}
	}
	for read < len(packets) {
		next()
	}
	if refused == 0 {
		t.Errorf("a queue of 4 took %d frames", len(packets))
	}
	must(t, x.Close())
	if b := netns.Read(fd, 0); b != nil || len(x.free) != xdpFrames {
		t.Errorf("one frame more, % x, or %d lost", b, xdpFrames-len(x.free))
	}
}

// While all frames are in flight there is no room until some are completed.
func TestXDPNoFrames(t *testing.T) {
	v0, v1 := newPair(t)
	fd := netns.Listen(t, v1)
	x := openXDP(t, v0)
	defer x.Close()
	packets := probes(t, testCodec(t, probe.UDP), 9)
	sizes := fill(x, packets)
	kept := slices.Clone(x.free)
	x.free = x.free[:0]
	if n, err := x.Send(sizes, 0, len(packets)); n != 0 || !isBusy(err) {
		t.Errorf("Send without a frame = %d, %v", n, err)
	}
	x.free = append(x.free, kept[:4]...)
	if n, err := x.Send(sizes, 0, len(packets)); n != 4 || err != nil {
		t.Errorf("Send with 4 frames = %d, %v", n, err)
	}
	x.free = append(x.free, kept[4:]...)
	if n, err := x.Send(sizes, 4, len(packets)); n != len(packets)-4 || err != nil {
		t.Errorf("Send of the rest = %d, %v", n, err)
	}
	for i := range packets {
		if got, want := netns.Read(fd, time.Second), framed(packets[i]); !bytes.Equal(got, want) {
			t.Fatalf("frame %d is % x", i, got)
		}
	}
}

// Frames that a link did not accept while it was down do not leave when it is up again.
func TestXDPErrors(t *testing.T) {
	v0, v1 := newPair(t)
	fd := netns.Listen(t, v1)
	x := openXDP(t, v0)
	packets := probes(t, testCodec(t, probe.ICMP), 40)
	send := func(first, want int, is func(error) bool) {
		t.Helper()
		sizes := fill(x, packets[first:])
		if n, err := x.Send(sizes, 0, len(sizes)); n != want || !is(err) {
			t.Errorf("Send = %d, %v; want %d", n, err, want)
		}
	}
	arrive := func(first int) {
		t.Helper()
		for i, packet := range packets[first:] {
			if got := netns.Read(fd, time.Second); !bytes.Equal(got, framed(packet)) {
				t.Fatalf("frame %d is % x", first+i, got)
			}
		}
		if b := netns.Read(fd, 20*time.Millisecond); b != nil {
			t.Fatalf("one frame more: % x", b)
		}
	}
	none := func(err error) bool { return err == nil }

	must(t, netlink.LinkSetDown(v0))
	for range 10 { // the ring has room for 6 of these
		send(0, 0, isDown)
	}
	must(t, netlink.LinkSetUp(v0))
	send(3, len(packets)-3, none)
	arrive(3)

	must(t, netlink.LinkSetDown(v1)) // v0 has no carrier
	for range 10 {
		send(0, 0, func(err error) bool { return isBusy(err) || isDown(err) })
	}
	must(t, netlink.LinkSetUp(v1))
	fd = netns.Listen(t, v1) // the old one tells of the link first
	send(5, len(packets)-5, none)
	arrive(5)

	must(t, netlink.LinkDel(v0))
	send(0, 0, isDown)
	must(t, x.Close())
}

// An error of OpenXDP names the reason.
func TestXDPOpen(t *testing.T) {
	v0, _ := newPair(t)
	for _, c := range []XDPConfig{{Index: 12345}, {Index: v0.Attrs().Index, Queue: 99}} {
		if x, err := OpenXDP(c); err == nil {
			x.Close()
			t.Errorf("opened a port on %+v", c)
		}
	}
	// A queue has one socket. After that is closed, another socket may bind to it.
	first := openXDP(t, v0)
	_, err := OpenXDP(XDPConfig{Index: v0.Attrs().Index})
	if !errors.Is(err, unix.EBUSY) {
		t.Errorf("a second socket on a queue: %v", err)
	}
	must(t, first.Close())
	must(t, openXDP(t, v0).Close())
}

func TestXDPAllocs(t *testing.T) {
	v0, _ := newPair(t)
	x := openXDP(t, v0)
	defer x.Close()
	packets := probes(t, testCodec(t, probe.UDP), 20)
	sizes := make([]int, len(packets))
	if n := testing.AllocsPerRun(50, func() {
		for i, b := range packets {
			sizes[i] = copy(x.Packet(i, b[0]>>4 == 4), b)
		}
		if _, err := x.Send(sizes, 0, len(sizes)); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
}

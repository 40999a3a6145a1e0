package sender

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/lab/netns"
	"github.com/masstrace/masstrace/internal/probe"
)

func testCodec(t testing.TB, m probe.Method) *codec.Codec {
	t.Helper()
	c, err := codec.New(codec.Config{
		Method: m, Source4: netip.MustParseAddr("45.1.2.3"), Source6: netip.MustParseAddr("2a00:2::7"),
		DstPort: 33434, Flows: 1, MinTTL: 1, MaxTTL: 63, Attempts: 4, TOS: 0x28,
	})
	must(t, err)
	return c
}

// probes returns packets of both families: n ordinary ones, and one whose IP identification is
// 0xffff, which stands for 0.
func probes(t testing.TB, c *codec.Codec, n int) (packets [][]byte) {
	t.Helper()
	encode := func(i int, attempt uint8) []byte {
		var p codec.Prepared
		c.Prepare(&p, addrOf(i), 0)
		buf := make([]byte, codec.MaxSize)
		return buf[:c.Encode(buf, &p, uint8(1+i%63), attempt)]
	}
	for i := range n {
		packets = append(packets, encode(i, uint8(i/63%4)))
	}
	for i := 0; i < 4_000_000; i += 2 {
		if p := encode(i, 0); binary.BigEndian.Uint16(p[4:]) == 0xffff {
			return append(packets, p)
		}
	}
	t.Fatal("no probe with IP ID 0xffff")
	return nil
}

// Frames arrive unchanged on an Ethernet link, after the header of their family. This holds with
// and without the queueing discipline, and for batches of any size.
func TestPacketEthernet(t *testing.T) {
	v0, v1 := newPair(t)
	fd := netns.Listen(t, v1)
	cfg := PacketConfig{
		Index: v0.Attrs().Index, Ethernet: true, Source: [6]byte(mac0),
		NextHop4: [6]byte(mac1), NextHop6: [6]byte{2, 0, 0, 0, 0, 6},
	}
	for _, cfg.Queue = range []bool{false, true} {
		for _, method := range []probe.Method{probe.UDP, probe.ICMP} {
			port, err := OpenPacket(cfg)
			must(t, err)
			packets := probes(t, testCodec(t, method), 300)
			for n, rest := 1, packets; len(rest) > 0; n = n%MaxBatch + 9 {
				batch := rest[:min(n, len(rest), MaxBatch)]
				rest = rest[len(batch):]
				sizes := fill(port, batch)
				for from := 0; from < len(batch); {
					k, err := port.Send(sizes, from, len(batch))
					must(t, err)
					from += k
				}
			}
			for i, want := range packets {
				head := append(append([]byte{}, mac1...), append(mac0, 8, 0)...)
				if want[0]>>4 == 6 {
					head = []byte{2, 0, 0, 0, 0, 6, 2, 0, 0, 0, 0, 1, 0x86, 0xdd}
				}
				if got, want := netns.Read(fd, 5*time.Second), append(head, want...); !bytes.Equal(got, want) {
					t.Fatalf("%v, queue %t: frame %d is\n% x, want\n% x", method, cfg.Queue, i, got, want)
				}
			}
			must(t, port.Close())
		}
	}
	if b := netns.Read(fd, 0); b != nil {
		t.Errorf("one frame more: % x", b)
	}
}

// On a link without a link header, frames are IP packets.
func TestPacketTun(t *testing.T) {
	tun, fd := newTun(t, unix.IFF_TUN)
	port, err := OpenPacket(PacketConfig{Index: tun.Attrs().Index})
	must(t, err)
	defer port.Close()
	packets := probes(t, testCodec(t, probe.ICMP), 40)
	if n, err := port.Send(fill(port, packets), 0, len(packets)); n != len(packets) || err != nil {
		t.Fatalf("Send = %d, %v", n, err)
	}
	for i, want := range packets {
		if got := netns.Read(fd, 5*time.Second); !bytes.Equal(got, want) {
			t.Fatalf("frame %d is\n% x, want\n% x", i, got, want)
		}
	}
}

// A full queue returns its error for the first frame without room. When there is room, that frame
// and all after it leave.
func TestPacketQueueFull(t *testing.T) {
	tun, fd := newTun(t, unix.IFF_TUN)
	must(t, netlink.LinkSetTxQLen(tun, 4))
	port, err := OpenPacket(PacketConfig{Index: tun.Attrs().Index})
	must(t, err)
	defer port.Close()
	packets := probes(t, testCodec(t, probe.UDP), 30)
	sizes := fill(port, packets)
	refused, read := 0, 0
	for from := 0; from < len(packets); {
		n, err := port.Send(sizes, from, len(packets))
		if from += n; n > 0 {
			continue
		}
		if !isBusy(err) {
			t.Fatalf("Send = %d, %v", n, err)
		}
		refused++
		if got := netns.Read(fd, time.Second); !bytes.Equal(got, packets[read]) {
			t.Fatalf("frame %d is % x", read, got)
		}
		read++
	}
	for ; read < len(packets); read++ {
		if got := netns.Read(fd, time.Second); !bytes.Equal(got, packets[read]) {
			t.Fatalf("frame %d is % x", read, got)
		}
	}
	if refused == 0 {
		t.Error("a queue of 4 took 31 frames")
	}
}

// The kernel returns its own error for a link that is down, gone, or has too small an MTU.
func TestPacketErrors(t *testing.T) {
	v0, v1 := newPair(t)
	fd := netns.Listen(t, v1)
	must(t, netlink.LinkSetMTU(v0, 68))
	port, err := OpenPacket(PacketConfig{Index: v0.Attrs().Index, Ethernet: true, NextHop4: [6]byte(mac1)})
	must(t, err)
	defer port.Close()
	packets := probes(t, testCodec(t, probe.ICMP), 3) // IPv4, IPv6, IPv4
	sizes := fill(port, packets)
	send := func(from, wantN int, want error) {
		t.Helper()
		if n, err := port.Send(sizes, from, 3); n != wantN || !errors.Is(err, want) {
			t.Errorf("Send from %d = %d, %v; want %d, %v", from, n, err, wantN, want)
		}
	}
	send(0, 1, nil) // stops before the frame that is too large
	send(1, 0, unix.EMSGSIZE)
	send(2, 1, nil)
	must(t, netlink.LinkSetDown(v0))
	send(0, 0, unix.ENETDOWN)
	must(t, netlink.LinkSetUp(v0))
	send(2, 1, nil)
	for range 3 {
		if netns.Read(fd, 5*time.Second) == nil {
			t.Error("a frame is missing")
		}
	}
	must(t, netlink.LinkDel(v0))
	if n, err := port.Send(sizes, 0, 3); n != 0 || !isDown(err) {
		t.Errorf("Send on a deleted link = %d, %v", n, err)
	}
	if _, err := OpenPacket(PacketConfig{Index: 12345}); err == nil {
		t.Error("opened a port on no link")
	}
}

func TestPacketAllocs(t *testing.T) {
	v0, _ := newPair(t)
	port, err := OpenPacket(PacketConfig{Index: v0.Attrs().Index, Ethernet: true, NextHop4: [6]byte(mac1)})
	must(t, err)
	defer port.Close()
	packets := probes(t, testCodec(t, probe.UDP), 20)
	sizes := make([]int, len(packets))
	if n := testing.AllocsPerRun(50, func() {
		for i, b := range packets {
			sizes[i] = copy(port.Packet(i, b[0]>>4 == 4), b)
		}
		if _, err := port.Send(sizes, 0, len(sizes)); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per batch", n)
	}
}

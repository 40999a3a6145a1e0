package programs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcap"

	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/netns"
	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/probe"
)

// sighting is a probe as the first router sees it.
type sighting struct {
	packet []byte // from the IP header on
	stamp  time.Time
}

// eavesdrop captures the packets that arrive at the first router while f runs.
func eavesdrop(t *testing.T, filter string, f func()) []sighting {
	t.Helper()
	var h *pcap.Handle
	netns.Within(t, routerNode, func() (err error) {
		h, err = listen(routerDevice, filter, pcap.DirectionIn)
		return err
	})
	defer h.Close()
	var seen []sighting
	over, done := make(chan struct{}), make(chan error)
	go func() {
		for {
			frame, info, err := h.ReadPacketData()
			switch {
			case err == nil:
				seen = append(seen, sighting{frame[14:], info.Timestamp})
			case !errors.Is(err, pcap.NextErrorTimeoutExpired) && !errors.Is(err, io.EOF):
				done <- err
				return
			default: // nothing more for now
				select {
				case <-over:
					done <- nil
					return
				default:
				}
			}
		}
	}()
	f()
	close(over)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if s, err := h.Stats(); err != nil || s.PacketsDropped > 0 {
		t.Fatalf("capture lost frames: %+v, %v", s, err)
	}
	return seen
}

// Sent packets keep the invariants: valid checksums, one flow, each probe once, not faster
// than the rate.
func TestWire(t *testing.T) {
	lab.Need(t, routers.Name)
	t.Parallel()
	const port = 41952 // no other test's, and so are the TOS
	for _, method := range []probe.Method{probe.UDP, probe.ICMP} {
		t.Run(method.String(), func(t *testing.T) {
			t.Parallel()
			c := config("45.80.0.0/20", "2a00:80::/44", "45.144.1.1", "2a00:144::1")
			c.Method, c.Attempts, c.Flows, c.DstPort = method, 2, 2, port
			c.RatePPS, c.Burst, c.Wait, c.TOS = 3000, 20, 500e6, 0x28
			filter := fmt.Sprintf("udp dst port %d", port)
			if method == probe.ICMP {
				c.DstPort = 0
				filter = "(icmp and ip[1] = 0x28) or (icmp6 and ip6[0:2] & 0xff0 = 0x280)"
			}
			var r *results
			seen := eavesdrop(t, filter, func() { r = runScan(t, c) })
			if uint64(len(seen)) != r.summary.Sent {
				t.Errorf("%d probes seen, %d sent", len(seen), r.summary.Sent)
			}
			w := witness{t: t, flows: map[string]string{}, probes: map[string]int{}, packets: map[string]bool{}}
			for _, s := range seen {
				w.check(s.packet)
			}
			for what, n := range w.probes {
				if n > c.Attempts {
					t.Errorf("%s probed %d times, want at most %d", what, n, c.Attempts)
				}
			}
			if want := c.Flows * 34; len(w.flows) != want {
				t.Errorf("%d flows, want %d", len(w.flows), want)
			}
			checkRate(t, seen, c.RatePPS, float64(c.Burst))
		})
	}
}

// witness checks probes one by one.
type witness struct {
	t       *testing.T
	flows   map[string]string // header fields that balancers hash, by the name of the flow
	probes  map[string]int    // by target, flow and TTL
	packets map[string]bool
}

func (w *witness) check(packet []byte) {
	var network gopacket.NetworkLayer
	var transport []byte // its header, of 8 octets
	var ttl uint8
	hashed, serialize := "", []gopacket.SerializableLayer(nil)
	first := layers.LayerTypeIPv4
	if packet[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	p := gopacket.NewPacket(packet, first, gopacket.NoCopy)
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		network, ttl = ip, ip.TTL
		hashed = fmt.Sprint(ip.SrcIP, ip.DstIP, ip.Protocol, ip.TOS, ip.Length, ip.Flags)
		serialize = append(serialize, ip)
	case *layers.IPv6:
		network, ttl = ip, ip.HopLimit
		hashed = fmt.Sprint(ip.SrcIP, ip.DstIP, ip.NextHeader, ip.TrafficClass, ip.Length, ip.FlowLabel)
		serialize = append(serialize, ip)
	}
	for _, l := range p.Layers()[1:] {
		switch l := l.(type) {
		case *layers.UDP:
			// SetNetworkLayerForChecksum accepts every IP layer.
			_ = l.SetNetworkLayerForChecksum(network)
			transport, serialize = l.Contents, append(serialize, l, gopacket.Payload(l.Payload))
		case *layers.ICMPv4:
			transport, serialize = l.Contents, append(serialize, l, gopacket.Payload(l.Payload))
		case *layers.ICMPv6:
			_ = l.SetNetworkLayerForChecksum(network)
			transport = append(l.Contents[:4:4], l.Payload[:4]...)
			serialize = append(serialize, l, gopacket.Payload(l.Payload))
		}
	}
	if transport == nil {
		w.t.Fatalf("not a probe: % x", packet)
	}
	again := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(again, gopacket.SerializeOptions{ComputeChecksums: true, FixLengths: true}, serialize...); err != nil {
		w.t.Fatal(err)
	}
	if l, ok := p.TransportLayer().(*layers.UDP); ok && l.Checksum == 0 {
		// A sum of 0 is sent as 0xffff (RFC 768), which gopacket, having put
		// its own into l, does not do.
		at := len(again.Bytes()) - int(l.Length) + 6
		binary.BigEndian.PutUint16(again.Bytes()[at:], 0xffff)
	}
	if !bytes.Equal(again.Bytes(), packet) {
		w.t.Errorf("wrong checksum or length:\n% x, gopacket has\n% x", packet, again.Bytes())
	}
	if w.packets[string(packet)] {
		w.t.Errorf("twice: % x", packet)
	}
	w.packets[string(packet)] = true

	// UDP: the ports. ICMP: type, code and checksum, and the identifier.
	name := fmt.Sprintf("%v flow %x", network.NetworkFlow().Dst(), transport[:4])
	hashed += fmt.Sprintf(" %x", transport[:4])
	if p.Layer(layers.LayerTypeUDP) == nil {
		hashed += fmt.Sprintf(" %x", transport[4:6])
	}
	if before, ok := w.flows[name]; ok && before != hashed {
		w.t.Errorf("flow changed from %s to %s", before, hashed)
	}
	w.flows[name] = hashed
	w.probes[fmt.Sprintf("%s TTL %d", name, ttl)]++
}

// checkRate checks that no stretch of time saw more than burst + rate × time.
// The slack is for the delay between the sender's clock and the router's.
func checkRate(t *testing.T, seen []sighting, rate, burst float64) {
	t.Helper()
	const slack = 0.1 // s
	// Of all stretches that end at i the worst begins where the credit was
	// greatest: credit is the least of time×rate − number so far.
	least := 0.0
	for i, s := range seen {
		at := s.stamp.Sub(seen[0].stamp).Seconds()
		least = max(least, rate*at-float64(i))
		if over := float64(i+1) + least - rate*at - burst; over > rate*slack {
			t.Errorf("probe %d came when %.0f more than allowed had come", i, over)
			return
		}
	}
}

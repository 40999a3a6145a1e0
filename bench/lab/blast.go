package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/sender"
)

// blastProbes is the number of different probes that the blaster repeats. It is large enough that
// they reach routers all over the simulated Internet.
const blastProbes = 4096

// blast runs in the lab. It sends prepared, valid probes as fast as the kernel accepts them, so
// that the simulator gets as much of the machine as possible. Its arguments are "blast" and the
// duration in seconds.
func blast(args []string) error {
	if len(args) != 2 || args[0] != "blast" {
		return fmt.Errorf("%q is not known", args)
	}
	seconds, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	first := netip.AddrFrom4([4]byte{firstOctet, 0, 0, 1})
	path, err := link.Find(context.Background(), link.Request{Destination: first, Interface: bench.Uplink})
	if err != nil {
		return err
	}
	c, err := codec.New(codec.Config{Method: probe.UDP, Source4: path.Source, DstPort: 33434,
		Flows: 1, MinTTL: 1, MaxTTL: maxTTL, Attempts: 1})
	if err != nil {
		return err
	}
	config := sender.PacketConfig{Index: path.Index, Ethernet: path.Framing == link.Ethernet}
	copy(config.Source[:], path.Hardware)
	copy(config.NextHop4[:], path.NextHop)
	port, err := sender.OpenPacket(config)
	if err != nil {
		return err
	}
	defer port.Close()

	probes := make([][]byte, blastProbes)
	sizes := make([]int, sender.MaxBatch)
	for i := range probes {
		probes[i] = make([]byte, codec.MaxSize)
		var p codec.Prepared
		c.Prepare(&p, probe.AddrFrom(netip.AddrFrom4([4]byte{firstOctet, byte(i >> 8), byte(i), 1})), 0)
		sizes[i%len(sizes)] = c.Encode(probes[i], &p, uint8(1+i%maxTTL), 0)
	}
	for end, at := time.Now().Add(time.Duration(seconds)*time.Second), 0; time.Now().Before(end); {
		for i := range sizes {
			copy(port.Packet(i, true), probes[at%blastProbes])
			at++
		}
		for sent := 0; sent < len(sizes); {
			n, err := port.Send(sizes, sent, len(sizes))
			if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EAGAIN) {
				return fmt.Errorf("blast: %w", err)
			}
			sent += n
		}
	}
	return nil
}

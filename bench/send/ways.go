package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/sender"
)

// measure is the cost of sending some packets.
type measure struct {
	packets uint64
	cpu     time.Duration // of the sending threads, or of the whole process
	took    time.Duration
}

func (m measure) nsPerPacket() float64 { return float64(m.cpu) / float64(m.packets) }
func (m measure) pps() float64         { return float64(m.packets) / m.took.Seconds() }

// way is a way of sending that is measured.
type way struct {
	name string
	run  func(to sink) (measure, error)
}

// packet and xdp open ports.
func packet(to sink, _ int) (sender.Port, error) {
	return sender.OpenPacket(sender.PacketConfig{
		Index: to.index, Ethernet: true, Source: [6]byte(ourMAC), NextHop4: [6]byte(farMAC),
	})
}

func xdp(to sink, queue int) (sender.Port, error) {
	return sender.OpenXDP(sender.XDPConfig{
		Index: to.index, Queue: uint32(queue), Source: [6]byte(ourMAC), NextHop4: [6]byte(farMAC),
	})
}

// by opens that many ports, calls run with them, and closes them.
func by(open func(sink, int) (sender.Port, error), senders int, run func([]sender.Port) (measure, error)) func(sink) (measure, error) {
	return func(to sink) (m measure, err error) {
		var ports []sender.Port
		defer func() {
			for _, port := range ports {
				err = errors.Join(err, port.Close())
			}
		}()
		for i := range senders {
			port, err := open(to, i)
			if err != nil {
				return measure{}, err
			}
			ports = append(ports, port)
		}
		return run(ports)
	}
}

// constant repeats one batch, with an equal share from each port. That is the cost of the kernel.
func (p *pipeline) constant(ports []sender.Port) (measure, error) {
	want := uint64(len(p.addrs)*p.shape.TTLs()) / uint64(len(ports))
	return together(ports, func(_ int, port sender.Port) (sent uint64, err error) {
		sizes := make([]int, sender.MaxBatch)
		for i := range sizes {
			packet := port.Packet(i, true)
			copy(packet, constantProbe(p))
			sizes[i] = p.codec.Size(true)
		}
		for from := 0; sent < want; from %= len(sizes) {
			n, err := port.Send(sizes, from, len(sizes))
			if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EAGAIN) {
				return sent, err
			}
			sent, from = sent+uint64(n), from+n
		}
		return sent, nil
	})
}

// constantProbe returns a probe.
func constantProbe(p *pipeline) []byte {
	var prepared codec.Prepared
	p.codec.Prepare(&prepared, p.addrs[0], 0)
	packet := make([]byte, codec.MaxSize)
	return packet[:p.codec.Encode(packet, &prepared, p.shape.LastTTL, 0)]
}

// Commands send this many packets, so that their start-up does not matter.
const commandPackets = 1 << 19

// commandTime is how long a program may need for that.
const commandTime = 30 * time.Second

// command runs a program that sends commandPackets; %LINK is the sink's name.
func command(line string) func(sink) (measure, error) {
	return func(to sink) (measure, error) {
		args := strings.Fields(strings.NewReplacer("%LINK", to.name, "%MAC", farMAC.String(),
			"%DASHED", strings.ReplaceAll(farMAC.String(), ":", "-"), "%ADDR", "45.1.2.3").Replace(line))
		ctx, cancel := context.WithTimeout(context.Background(), commandTime)
		defer cancel()
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		began := time.Now()
		out, err := cmd.CombinedOutput()
		if err != nil {
			if ctx.Err() != nil {
				err = fmt.Errorf("took more than %v", commandTime)
			}
			return measure{}, fmt.Errorf("%w: %.200s", err, strings.TrimSpace(string(out)))
		}
		state := cmd.ProcessState
		return measure{commandPackets, state.UserTime() + state.SystemTime(), time.Since(began)}, nil
	}
}

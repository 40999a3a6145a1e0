package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/permute"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/wire"
)

// inside is the first argument of the part of this command that runs in the namespace.
const inside = "inside"

// Constants of the scan.
const (
	keyText   = "000102030405060708090a0b0c0d0e0f"
	seedText  = "receive"
	maxTTL    = 32
	answers   = 1 << 14 // number of different replies
	listed    = "20.0.0.0/8"
	startTime = 500 * time.Millisecond // from the first probe to the first reply
)

// runInside runs a scan and the source at the same time.
func runInside(args []string) error {
	if len(args) != 6 {
		return fmt.Errorf("%q are no arguments", args)
	}
	if !lab.Inside(network) {
		return errors.New("refused: not in a network made for it")
	}
	rate, _ := strconv.Atoi(args[2])
	seconds, _ := strconv.Atoi(args[3])
	records := filepath.Join(args[4], "records")
	defer os.Remove(records)
	d := time.Duration(seconds) * time.Second
	link, err := net.InterfaceByName(near)
	if err != nil {
		return err
	}
	frames, err := replies(link.HardwareAddr)
	if err != nil {
		return err
	}
	s, err := newSource(link.Index, frames)
	if err != nil {
		return err
	}
	defer s.close()
	scan := exec.Command(args[0], "scan", "-q", "-i", near, "--key", keyText, "--seed", seedText, "--strategy=exhaustive", "--no-stop", "--wait", "1s",
		"--rate", args[1], "--max-runtime", (d + 2*startTime).String(), "--overwrite", "-o", records, listed)
	var said bytes.Buffer
	scan.Stderr = &said
	if err := scan.Start(); err != nil {
		return err
	}
	for begin := time.Now(); sent() < 1000; time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > 20*time.Second {
			_ = scan.Process.Kill()
			return errors.Join(errors.New("the scan does not begin"), scan.Wait())
		}
	}
	time.Sleep(startTime)
	runtime.LockOSThread()
	made, took, err := s.run(rate, d)
	runtime.UnlockOSThread()
	if err != nil {
		_ = scan.Process.Signal(unix.SIGINT)
	}
	// The status of the scan means that not all probes were sent.
	var status *exec.ExitError
	if failed := scan.Wait(); failed != nil && !errors.As(failed, &status) {
		return failed
	}
	if err != nil {
		return err
	}
	o := outcome{Made: float64(made), Seconds: took.Seconds(),
		CPU: (scan.ProcessState.UserTime() + scan.ProcessState.SystemTime()).Seconds()}
	if err := o.read(records); err != nil {
		return fmt.Errorf("%w\n%s", err, said.String())
	}
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return os.WriteFile(args[5], b, 0o600)
}

// read reads the counters in the summary of a scan.
func (o *outcome) read(records string) error {
	var s struct {
		Frames, Sent float64
		Rejected     map[string]float64
		Drops        struct{ Kernel, Interface float64 }
	}
	if err := bench.ReadSummary(records, &s); err != nil {
		return err
	}
	o.Taken, o.Sent, o.Drops = s.Frames, s.Sent, s.Drops.Kernel+s.Drops.Interface
	for why, n := range s.Rejected {
		if n > 0 && why != "unsent" {
			return fmt.Errorf("%v replies rejected: %s; they are made wrongly", n, why)
		}
	}
	return nil
}

// sent returns how many frames have left.
func sent() uint64 {
	b, err := os.ReadFile("/sys/class/net/" + near + "/statistics/tx_packets")
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return n
}

// scanCodec returns the codec of the scan.
func scanCodec() (*codec.Codec, error) {
	key, err := hex.DecodeString(keyText)
	if err != nil {
		return nil, err
	}
	seed := sha256.Sum256([]byte(seedText))
	return codec.New(codec.Config{Method: probe.UDP, Key: codec.Key(key), Seed: codec.Key(seed[:]),
		Source4: netip.MustParseAddr(local), DstPort: 33434, Flows: 1, MinTTL: 1, MaxTTL: maxTTL, Attempts: 1})
}

// replies returns time exceeded messages in Ethernet frames, addressed to another station: captures
// receive them, and the kernel does no further work.
func replies(hardware net.HardwareAddr) ([][]byte, error) {
	c, err := scanCodec()
	if err != nil {
		return nil, err
	}
	order, err := targets()
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	frames := make([][]byte, answers)
	packet := make([]byte, codec.MaxSize)
	for i := range frames {
		var p codec.Prepared
		c.Prepare(&p, order.At(rng.Uint64N(1<<13)), 0)
		ttl := uint8(1 + rng.IntN(maxTTL))
		n := c.Encode(packet, &p, ttl, 0)
		frames[i] = timeExceeded(hardware, c.Source(true), packet[:n], ttl)
	}
	return frames, nil
}

// targets returns the order in which the scan probes.
func targets() (*target.Order, error) {
	seed := sha256.Sum256([]byte(seedText))
	var lines target.Lines
	if err := lines.Read("list", strings.NewReader(listed)); err != nil {
		return nil, err
	}
	list, err := target.NewList(target.Config{Include: &lines, Exclude: target.ReservedSet(), Seed: permute.Key(seed[:])})
	if err != nil {
		return nil, err
	}
	return list.Order(target.OrderConfig{})
}

// timeExceeded returns the frame with which a router answers a probe.
func timeExceeded(hardware net.HardwareAddr, to probe.Addr, packet []byte, ttl uint8) []byte {
	const header, quoted = 14, wire.V4Len + wire.MinTransport
	f := make([]byte, frameRoom)
	copy(f, hardware)
	f[0] ^= 4 // the address of another station
	copy(f[6:], gatewayMAC)
	binary.BigEndian.PutUint16(f[12:], 0x0800)
	ip := f[header:]
	ip[0], ip[wire.V4TTL], ip[wire.V4Protocol] = 0x45, 64-ttl, probe.ProtoICMP
	binary.BigEndian.PutUint16(ip[wire.V4Length:], wire.V4Len+wire.ICMPLen+quoted)
	copy(ip[wire.V4Src:], []byte{10, 0, 0, ttl})
	copy(ip[wire.V4Dst:], to.Octets())
	binary.BigEndian.PutUint16(ip[wire.V4Checksum:], wire.Checksum(wire.Sum(ip[:wire.V4Len], 0)))
	icmp := ip[wire.V4Len : wire.V4Len+wire.ICMPLen+quoted]
	icmp[wire.ICMPType] = wire.ICMPv4TimeExceeded
	copy(icmp[wire.ICMPLen:], packet[:quoted])
	icmp[wire.ICMPLen+wire.V4TTL] = 1
	binary.BigEndian.PutUint16(icmp[wire.ICMPChecksum:], wire.Checksum(wire.Sum(icmp, 0)))
	return f
}

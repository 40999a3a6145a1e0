package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"syscall"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/receiver"
)

// Constants of the run in the captures.
const (
	keyText  = "000102030405060708090a0b0c0d0e0f"
	seedText = "replay"
	maxTTL   = 32
)

var source = netip.AddrFrom4([4]byte{192, 0, 2, 2})

// runCodec returns the codec of the run.
func runCodec() (*codec.Codec, error) {
	key, err := hex.DecodeString(keyText)
	if err != nil {
		return nil, err
	}
	seed := sha256.Sum256([]byte(seedText))
	return codec.New(codec.Config{Method: probe.UDP, Key: codec.Key(key), Seed: codec.Key(seed[:]), Source4: source,
		DstPort: 33434, Flows: 1, MinTTL: 1, MaxTTL: maxTTL, Attempts: 4})
}

// Times in the captures, ns: 100,000 probes per second, answered after 20 ms.
const (
	began = 1_767_225_600e9
	pause = 10_000
	rtt   = 20e6
)

// group is the number of targets that are probed at a time, at all TTLs, in an order that mixes
// both. It is a power of two.
const group = 1024

// capturing writes a pcap file with ns (magic 0xa1b23c4d) and Ethernet frames.
type capturing struct {
	out  *bufio.Writer
	left int // frames left to write
	late []reply
	head [16 + 14]byte
}

// reply is a packet in flight.
type reply struct {
	due    int64
	packet []byte
}

// writeCapture writes a capture of n frames.
func writeCapture(path string, n int) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	w := &capturing{out: bufio.NewWriterSize(file, 1<<20), left: n}
	binary.BigEndian.PutUint16(w.head[16+12:], 0x0800)
	// Magic number, version 2.4, two unused fields, snap length, link type.
	for _, word := range []uint32{0xa1b23c4d, 2 | 4<<16, 0, 0, 65535, 1} {
		_ = binary.Write(w.out, binary.LittleEndian, word) // bufio returns the error later
	}
	err = w.probe()
	return errors.Join(err, w.out.Flush(), file.Close())
}

// probe probes until there are enough frames.
func (w *capturing) probe() error {
	c, err := runCodec()
	if err != nil {
		return err
	}
	config, err := netsim.Preset("clean")
	if err != nil {
		return err
	}
	sim, err := netsim.New(config)
	if err != nil {
		return err
	}
	packet := make([]byte, codec.MaxSize)
	prepared := make([]codec.Prepared, group)
	now := int64(began)
	answer := func(_ int64, b []byte) {
		w.late = append(w.late, reply{now + rtt, append([]byte(nil), b...)})
	}
	for first := 0; w.left > 0; first += group {
		for i := range prepared {
			n := first + i
			c.Prepare(&prepared[i], probe.AddrFrom(netip.AddrFrom4([4]byte{45 + byte(n>>16), byte(n >> 8), byte(n), 7})), 0)
		}
		for k := 0; k < group*maxTTL && w.left > 0; k++ {
			// 40503 is odd, so i takes each value once.
			i := k * 40503 % (group * maxTTL)
			n := c.Encode(packet, &prepared[i/maxTTL], uint8(1+i%maxTTL), 0)
			now += pause
			for len(w.late) > 0 && w.late[0].due <= now {
				w.frame(w.late[0].due, w.late[0].packet)
				w.late = w.late[1:]
			}
			w.frame(now, packet[:n])
			sim.Handle(now, packet[:n], answer)
		}
	}
	return nil
}

// frame writes a frame, if there are not enough yet.
func (w *capturing) frame(stamp int64, packet []byte) {
	if w.left == 0 {
		return
	}
	w.left--
	size := uint32(14 + len(packet))
	binary.LittleEndian.PutUint32(w.head[0:], uint32(stamp/1e9))
	binary.LittleEndian.PutUint32(w.head[4:], uint32(stamp%1e9))
	binary.LittleEndian.PutUint32(w.head[8:], size)
	binary.LittleEndian.PutUint32(w.head[12:], size)
	_, _ = w.out.Write(w.head[:]) // bufio returns the error later
	_, _ = w.out.Write(packet)
}

// count reads a capture as masstrace replay does, but only counts.
func count(path string) error {
	c, err := runCodec()
	if err != nil {
		return err
	}
	file, err := pcapng.OpenFile(path, nil)
	if err != nil {
		return err
	}
	decoder := receiver.NewReplay(c)
	var entry pcapng.Entry
	var facts probe.Facts
	var answer probe.Reply
	probes, strong := 0, 0
	for {
		err := file.Read(&entry)
		if errors.Is(err, io.EOF) {
			break
		}
		switch {
		case err != nil:
			return err
		case decoder.Probe(&entry, &facts):
			probes++
		case decoder.Reply(&entry, &answer) && answer.Valid == probe.Strong:
			strong++
		}
	}
	fmt.Printf("%d probes, %d strong replies\n", probes, strong)
	if probes == 0 || strong*10 < probes*9 {
		return errors.New("not what was written")
	}
	return file.Close()
}

// maxRSS returns the largest memory of a process, in octets.
func maxRSS(s *os.ProcessState) int64 { return s.SysUsage().(*syscall.Rusage).Maxrss << 10 }

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"
)

// Return values of XDP programs (linux/bpf.h).
const (
	xdpDrop = 1
	xdpPass = 2
)

// frameRoom is the size in octets of every frame that a source makes, a multiple of 8.
const frameRoom = 72

// source makes frames on a link of this network namespace, as if they had been received. The kernel
// runs a program over newly allocated frames, and then processes them as received. The program
// fills each with the next frame of a set, in a ring.
type source struct {
	program *ebpf.Program
	frames  *ebpf.Map
	count   *ebpf.Map
	link    int // index
	first   []byte
}

// newSource returns a source on the link with that index. The number of frames must be a power of
// two, and each must have frameRoom octets.
func newSource(link int, frames [][]byte) (s *source, err error) {
	s = &source{link: link, first: frames[0]}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("make source: %w", err), s.close())
		}
	}()
	s.frames, err = ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: frameRoom, MaxEntries: uint32(len(frames))})
	if err != nil {
		return s, err
	}
	s.count, err = ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 8, MaxEntries: 1})
	if err != nil {
		return s, err
	}
	for i, f := range frames {
		if err := s.frames.Put(uint32(i), f); err != nil {
			return s, err
		}
	}
	s.program, err = ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.XDP, License: "Apache-2.0", Instructions: s.instructions(int32(len(frames) - 1)),
	})
	return s, err
}

// instructions returns the program. In C it is:
//
//	u64 *n = lookup(&count, 0);
//	u64 *frame = lookup(&frames, *n & mask);
//	if (data + frameRoom > data_end) return XDP_DROP;
//	memcpy(data, frame, frameRoom);
//	++*n;
//	return XDP_PASS;
func (s *source) instructions(mask int32) asm.Instructions {
	lookup := func(m *ebpf.Map) asm.Instructions { // the key is on the stack
		return asm.Instructions{
			asm.LoadMapPtr(asm.R1, m.FD()),
			asm.Mov.Reg(asm.R2, asm.RFP),
			asm.Add.Imm(asm.R2, -4),
			asm.FnMapLookupElem.Call(),
			asm.JEq.Imm(asm.R0, 0, "drop"),
		}
	}
	code := asm.Instructions{
		asm.LoadMem(asm.R6, asm.R1, 0, asm.Word), // data
		asm.LoadMem(asm.R7, asm.R1, 4, asm.Word), // data_end
		asm.StoreImm(asm.RFP, -4, 0, asm.Word),
	}
	code = append(code, lookup(s.count)...)
	code = append(code,
		asm.Mov.Reg(asm.R8, asm.R0),
		asm.LoadMem(asm.R9, asm.R8, 0, asm.DWord),
		asm.Mov.Reg(asm.R1, asm.R9),
		asm.And.Imm(asm.R1, mask),
		asm.StoreMem(asm.RFP, -4, asm.R1, asm.Word),
	)
	code = append(code, lookup(s.frames)...)
	code = append(code,
		asm.Mov.Reg(asm.R1, asm.R6),
		asm.Add.Imm(asm.R1, frameRoom),
		asm.JGT.Reg(asm.R1, asm.R7, "drop"),
	)
	for at := int16(0); at < frameRoom; at += 8 {
		code = append(code, asm.LoadMem(asm.R1, asm.R0, at, asm.DWord), asm.StoreMem(asm.R6, at, asm.R1, asm.DWord))
	}
	return append(code,
		asm.Add.Imm(asm.R9, 1),
		asm.StoreMem(asm.R8, 0, asm.R9, asm.DWord),
		asm.Mov.Imm(asm.R0, xdpPass),
		asm.Return(),
		asm.Mov.Imm(asm.R0, xdpDrop).WithSymbol("drop"),
		asm.Return(),
	)
}

// liveFrames is BPF_F_TEST_XDP_LIVE_FRAMES.
const liveFrames = 1 << 1

// tick is how often a source with a limited rate makes frames.
const tick = time.Millisecond

// run makes frames at that rate for that time. It returns how many it made, and how long that took.
func (s *source) run(rate int, d time.Duration) (made uint64, took time.Duration, err error) {
	// struct xdp_md: data, data_end, data_meta, ingress_ifindex, queue, egress
	context := make([]byte, 24)
	binary.NativeEndian.PutUint32(context[4:], uint32(len(s.first)))
	binary.NativeEndian.PutUint32(context[12:], uint32(s.link))
	options := ebpf.RunOptions{Data: s.first, Context: context, Flags: liveFrames, BatchSize: 64}
	start := time.Now()
	for due := 0.0; ; {
		took = time.Since(start)
		if took >= d {
			break
		}
		due = float64(rate) * took.Seconds()
		n := int(due) - int(made)
		if n > 0 {
			options.Repeat = uint32(min(n, 4096))
			if _, err := s.program.Run(&options); err != nil {
				return made, took, fmt.Errorf("make frames: %w", err)
			}
			// After a signal the kernel may have started its count again.
			if err := s.count.Lookup(uint32(0), &made); err != nil {
				return made, took, fmt.Errorf("count frames: %w", err)
			}
		}
		pause := unix.NsecToTimespec(int64(tick))
		_ = unix.Nanosleep(&pause, nil) // a shorter sleep does no harm
	}
	return made, took, nil
}

func (s *source) close() error {
	var err error
	if s.program != nil {
		err = s.program.Close()
	}
	for _, m := range []*ebpf.Map{s.frames, s.count} {
		if m != nil {
			err = errors.Join(err, m.Close())
		}
	}
	return err
}

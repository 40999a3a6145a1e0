package pcapng

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// gopacket reads the frames of all goroutines from the written file.
func TestCaptureWitness(t *testing.T) {
	var file bytes.Buffer
	c := NewCapture(&file, CaptureConfig{
		Link: "eth0", LinkType: 1, Head4: []byte("ethernet, four"), Head6: []byte("ethernet6, six"),
		Tool: "masstrace/test", Comment: []byte(`{"a":1}`), Notes: slices.Values([][]byte{[]byte("first")}), Producers: 2,
	})
	const each = 5000
	var g sync.WaitGroup
	sent, received := c.Tap(), c.Tap()
	g.Go(func() {
		defer c.Done()
		for i := range each {
			sent.Sent(bytes.Repeat([]byte{0x45}, 1+i%100), 1_790_000_000_123_456_789+int64(i))
			if i%64 == 0 {
				sent.Flush()
			}
		}
		sent.Flush()
	})
	g.Go(func() {
		defer c.Done()
		for i := range each {
			received.Received(bytes.Repeat([]byte{0x60}, 1+i%1500), int64(i))
			if i%256 == 0 {
				received.Note(int64(i), []byte("in between"))
			}
		}
		received.Flush()
	})
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.Wait()
	in, err := pcapgo.NewNgReader(&file, pcapgo.NgReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	info := in.SectionInfo()
	if in.LinkType() != layers.LinkTypeEthernet || info.Comment != `{"a":1}` || info.Application != "masstrace/test" {
		t.Errorf("link type %v, section %+v", in.LinkType(), info)
	}
	n := map[byte]int{}
	for {
		frame, info, err := in.ReadPacketData()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		what := frame[0]
		i := n[what]
		n[what]++
		switch at := info.Timestamp.UnixNano(); what {
		case 'e':
			if len(frame) != 14+1+i%100 || at != 1_790_000_000_123_456_789+int64(i) || frame[14] != 0x45 {
				t.Fatalf("sent %d: %d octets at %d", i, len(frame), at)
			}
		case 0x60:
			if len(frame) != 1+i%1500 || at != int64(i) {
				t.Fatalf("received %d: %d octets at %d", i, len(frame), at)
			}
		}
	}
	if n['e'] != each || n[0x60] != each {
		t.Errorf("frames by kind: %v", n)
	}
}

// File reads the output of Capture, including the notes and directions, which gopacket does not
// return.
func TestCaptureFile(t *testing.T) {
	var out bytes.Buffer
	c := NewCapture(&out, CaptureConfig{
		Link: "tun0", LinkType: 101, Head4: nil, Head6: nil, Tool: "masstrace/test",
		Comment: []byte("of the whole"), Notes: slices.Values([][]byte{[]byte("first"), {}}), Producers: 1,
	})
	tap := c.Tap()
	tap.Sent([]byte{0x45, 1, 2}, 10)
	tap.Received([]byte{0x60}, 20)
	tap.Note(30, bytes.Repeat([]byte("x"), MaxComment))
	c.Done()
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	f, err := NewFile("x", &out)
	if err != nil {
		t.Fatal(err)
	}
	if comment, err := f.Comment(); string(comment) != "of the whole" || err != nil {
		t.Errorf("Comment = %.20q, %v", comment, err)
	}
	var e Entry
	for i, want := range []Entry{
		{Note: []byte("first")},
		{Note: []byte{}},
		{Frame: []byte{0x45, 1, 2}, Stamp: 10, LinkType: 101, Direction: Outbound},
		{Frame: []byte{0x60}, Stamp: 20, LinkType: 101, Direction: Inbound},
		{Note: bytes.Repeat([]byte("x"), MaxComment)},
	} {
		if err := f.Read(&e); err != nil || !reflect.DeepEqual(e, want) {
			t.Errorf("entry %d is %+v, %v; want %+v", i, e, err, want)
		}
	}
	if err := f.Read(&e); err != io.EOF {
		t.Errorf("%v after the last entry", err)
	}
}

// slow is a file in which each write waits for permission.
type slow struct {
	allowed chan error
	octets  int
}

func (s *slow) Write(b []byte) (int, error) {
	if err := <-s.allowed; err != nil {
		return 0, err
	}
	s.octets += len(b)
	return len(b), nil
}

// A file that is too slow makes producers wait, and loses nothing. A file that fails releases them.
func TestCaptureSlowFile(t *testing.T) {
	full := errors.New("no space left")
	file := &slow{allowed: make(chan error)}
	c := NewCapture(file, CaptureConfig{Producers: 1})
	ran := make(chan error, 1)
	go func() { ran <- c.Run(t.Context()) }()
	tap := c.Tap()
	const batches = 40
	done := make(chan struct{})
	go func() {
		defer close(done)
		frame := make([]byte, 1<<20)
		for range batches {
			tap.Received(frame, 1)
			tap.Flush()
		}
	}()
	for range 2 {
		file.allowed <- nil
	}
	select {
	case <-done:
		t.Fatal("40 MiB fit into two buffers")
	default:
	}
	close(file.allowed) // permits all writes
	<-done
	c.Done()
	if err := <-ran; err != nil || file.octets < batches<<20 {
		t.Errorf("Run = %v after %d octets", err, file.octets)
	}

	file = &slow{allowed: make(chan error, 1)}
	file.allowed <- full
	c = NewCapture(file, CaptureConfig{Producers: 1})
	if err := c.Run(t.Context()); !errors.Is(err, full) {
		t.Errorf("Run = %v", err)
	}
	tap = c.Tap()
	for range batches {
		tap.Received(make([]byte, 1<<20), 1)
		tap.Flush()
	}
}

// A file that is stuck holds up no producer when the run fails.
func TestCaptureStuckFile(t *testing.T) {
	file := &slow{allowed: make(chan error)}
	c := NewCapture(file, CaptureConfig{Producers: 1})
	ctx, fail := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- c.Run(ctx) }()
	tap := c.Tap()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 40 {
			tap.Received(make([]byte, 1<<20), 1)
			tap.Flush()
		}
		c.Done()
	}()
	file.allowed <- nil // the head
	fail()
	<-done
	close(file.allowed)
	if err := <-ran; err != nil {
		t.Errorf("Run = %v", err)
	}
}

// A packet costs no allocation, once batches have room.
func TestCaptureAllocs(t *testing.T) {
	c := NewCapture(io.Discard, CaptureConfig{Producers: 1, Head4: make([]byte, 14)})
	tap := c.Tap()
	packet := append([]byte{0x45}, make([]byte, 43)...)
	batch := func() {
		for i := range int64(64) {
			tap.Sent(packet, i)
		}
		tap.Flush()
		c.mu.Lock()
		c.filling = c.filling[:0] // as Run does
		c.mu.Unlock()
	}
	batch()
	if n := testing.AllocsPerRun(100, batch); n != 0 {
		t.Errorf("%v allocations for a batch", n)
	}
}

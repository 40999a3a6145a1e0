package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// gopacket can read the capture, and count accepts its replies as ours.
func TestCapture(t *testing.T) {
	const frames = 60_001
	path := filepath.Join(t.TempDir(), "capture.pcap")
	if err := writeCapture(path, frames); err != nil {
		t.Fatal(err)
	}
	if err := count(path); err != nil {
		t.Error(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := pcapgo.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var last int64
	n, transports := 0, map[gopacket.LayerType]int{}
	for ; ; n++ {
		b, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if at := info.Timestamp.UnixNano(); at < last || at < began {
			t.Fatalf("frame %d is stamped %v", n, info.Timestamp)
		} else {
			last = at
		}
		p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Lazy)
		for _, l := range []gopacket.LayerType{layers.LayerTypeUDP, layers.LayerTypeICMPv4} {
			if p.Layer(l) != nil {
				transports[l]++
			}
		}
	}
	if n != frames || transports[layers.LayerTypeUDP] < frames/3 || transports[layers.LayerTypeICMPv4] < frames/3 {
		t.Errorf("%d frames, %v", n, transports)
	}
}

func TestRunsOfReaders(t *testing.T) {
	good, bad := &reader{name: "true", command: []string{"true"}}, &reader{name: "false", command: []string{"false"}}
	for _, r := range measure([]*reader{good, bad}, 3) {
		if want := r == bad; (r.err != nil) != want {
			t.Errorf("%s: %v", r.name, r.err)
		}
	}
	if len(good.wall) != 3 || len(good.cpu) != 3 || len(good.mib) != 3 {
		t.Errorf("%d runs, want 3", len(good.wall))
	}
}

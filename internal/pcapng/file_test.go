package pcapng

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// captured returns the frames, stamps and the last error of a file.
func captured(in io.Reader) (frames [][]byte, stamps []int64, err error) {
	f, err := NewFile("x", in)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	for {
		frame, stamp, err := f.Next()
		if err != nil {
			return frames, stamps, err
		}
		frames, stamps = append(frames, bytes.Clone(frame)), append(stamps, stamp)
	}
}

// File reads the frames that gopacket wrote, in both formats.
func TestFileWitness(t *testing.T) {
	begin := time.Unix(1_790_000_000, 123_456_789)
	var micro, nano, ng bytes.Buffer
	w, n := pcapgo.NewWriter(&micro), pcapgo.NewWriterNanos(&nano)
	g, err := pcapgo.NewNgWriter(&ng, layers.LinkTypeEthernet)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.WriteFileHeader(65536, layers.LinkTypeEthernet), n.WriteFileHeader(65536, layers.LinkTypeEthernet)); err != nil {
		t.Fatal(err)
	}
	var want [][]byte
	for i := range 300 {
		frame := bytes.Repeat([]byte{byte(i)}, i*7%1500)
		want = append(want, frame)
		info := gopacket.CaptureInfo{Timestamp: begin.Add(time.Duration(i) * 1001), CaptureLength: len(frame), Length: len(frame)}
		if err := errors.Join(w.WritePacket(info, frame), n.WritePacket(info, frame), g.WritePacket(info, frame)); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Flush(); err != nil {
		t.Fatal(err)
	}
	for name, file := range map[string]*bytes.Buffer{"µs": &micro, "ns": &nano, "pcapng": &ng} {
		frames, stamps, err := captured(file)
		if err != io.EOF || !slices.EqualFunc(frames, want, bytes.Equal) {
			t.Fatalf("%s: %d frames, %v", name, len(frames), err)
		}
		for i, stamp := range stamps {
			at := begin.Add(time.Duration(i) * 1001).UnixNano()
			if name == "µs" {
				at -= at % 1000
			}
			if stamp != at {
				t.Fatalf("%s: frame %d is stamped %d, want %d", name, i, stamp, at)
			}
		}
	}
}

// madeCapture reads a capture of the repository.
func madeCapture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../testdata/captures", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Every cut is detected, at an offset in the file, and the frames before it are read.
func TestFileCut(t *testing.T) {
	for _, name := range []string{"made/path-us-be.pcap", "made/path-us-be.pcapng", "made/path-us-be.pcap.gz", "made/path-ns-be.pcapng.zst"} {
		whole := madeCapture(t, name)
		all, _, err := captured(bytes.NewReader(whole))
		if err != io.EOF {
			t.Fatalf("%s: %v", name, err)
		}
		most, ends := 0, 0
		for n := 0; n < len(whole); n += 3 {
			frames, _, err := captured(bytes.NewReader(whole[:n]))
			if err == io.EOF {
				ends++ // a cut between two entries
			} else if !errors.Is(err, ErrCapture) || !strings.Contains(err.Error(), "offset ") {
				t.Fatalf("%s, %d octets: %v", name, n, err)
			}
			if len(frames) < most || !slices.EqualFunc(frames, all[:len(frames)], bytes.Equal) {
				t.Fatalf("%s, %d octets: %d frames, before %d", name, n, len(frames), most)
			}
			most = len(frames)
		}
		// zstd returns nothing of a block before the block's end.
		if packed := strings.HasSuffix(name, ".zst"); ends > len(all)+3 || most < len(all)-1 && !packed {
			t.Errorf("%s: %d cuts are not found, %d frames", name, ends, most)
		}
	}
}

func TestFileFaults(t *testing.T) {
	pcapHead := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0}
	section := unhexed(t, "0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000")
	link := unhexed(t, "01000000 14000000 01000000 00000000 14000000")
	tests := []struct {
		name string
		in   []byte
		want string
	}{
		{"empty", nil, "offset 0: the file is empty"},
		{"text", []byte("hello"), "neither pcap nor pcapng"},
		{"version", slices.Concat(pcapHead[:4], []byte{3}, pcapHead[5:]), "version 3 of pcap"},
		{"header cut", pcapHead[:10], "offset 0: the file ends 10 bytes later"},
		{"record too long", slices.Concat(pcapHead, unhexed(t, "00000000 00000000 01000400 01000400")), "offset 24: a record of 262145 bytes"},
		{"no byte order", slices.Concat(section[:8], []byte{1, 2, 3, 4}, section[12:]), "without a byte order"},
		{"version of pcapng", slices.Concat(section[:12], []byte{2}, section[13:]), "version 2 of pcapng"},
		{"block too short", slices.Concat(section, unhexed(t, "06000000 08000000 08000000")), "offset 28: a block of 8 bytes"},
		{"block not aligned", slices.Concat(section, unhexed(t, "06000000 0d000000 08000000")), "a block of 13 bytes"},
		{"block too long", slices.Concat(section, unhexed(t, "06000000 00000008 08000000")), "a block of 134217728 bytes"},
		{"packet too long for us", slices.Concat(section, unhexed(t, "06000000 00002000 08000000")), "not the size of a block"},
		{"trailer", slices.Concat(section[:24], []byte{0, 0, 0, 1}), "has another length at its end: 16777216"},
		{"no interface", slices.Concat(section, unhexed(t, "06000000 20000000 00000000 0000000000000000 00000000 00000000 20000000")), "interface 0, which is not described"},
		{"no interface, simple", slices.Concat(section, unhexed(t, "03000000 10000000 00000000 10000000")), "without length or interface"},
		{"packet longer than block", slices.Concat(section, link, unhexed(t, "06000000 20000000 00000000 0000000000000000 01000000 01000000 20000000")), "a packet of 1 bytes in a block of 32 bytes"},
		{"packet block too short", slices.Concat(section, link, unhexed(t, "06000000 10000000 00000000 10000000")), "packet block is too short"},
		{"resolution", slices.Concat(section, unhexed(t, "01000000 1c000000 01000000 00000000 09000100 14000000 1c000000")), "time unit 0x14"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := captured(bytes.NewReader(tt.in))
			if !errors.Is(err, ErrCapture) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// Times in other units, and with offsets.
func TestFileUnits(t *testing.T) {
	tests := []struct {
		name  string
		link  fileLink
		units uint64
		want  int64
	}{
		{"µs", fileLink{units: 1e6}, 1_790_000_000_123_456, 1_790_000_000_123_456_000},
		{"ns", fileLink{units: 1e9}, 1_790_000_000_123_456_789, 1_790_000_000_123_456_789},
		{"s", fileLink{units: 1}, 1_790_000_000, 1_790_000_000_000_000_000},
		{"ps", fileLink{units: 1e12}, 1_000_000_123_456, 1_000_000_123},
		{"2^-20 s", fileLink{units: 1 << 20}, 3 << 19, 1_500_000_000},
		{"offset", fileLink{units: 1e9, offset: 100}, 5, 100_000_000_005},
		{"too late", fileLink{units: 1}, 1 << 60, 0},
		{"too late for ns", fileLink{units: 1e9}, 1 << 63, 0},
		{"far offset", fileLink{units: 1e9, offset: 1 << 62}, 5, 0},
	}
	for _, tt := range tests {
		if got := tt.link.time(tt.units); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// Blocks other than packet blocks are read or skipped.
func TestFileBlocks(t *testing.T) {
	section := unhexed(t, "0a0d0d0a 28000000 4d3c2b1a 01000000 ffffffffffffffff 01000300 61626300 00000000 28000000")
	link := unhexed(t, "01000000 14000000 01000000 02000000 14000000") // snap length 2
	names := unhexed(t, "04000000 10000000 00000000 10000000")
	simple := unhexed(t, "03000000 14000000 03000000 aabbccdd 14000000")
	old := unhexed(t, "02000000 24000000 0000ffff 00000000 02000000 01000000 01000000 ee000000 24000000")
	outbound := unhexed(t, "06000000 2c000000 00000000 00000000 03000000 01000000 01000000 77000000 02000400 02000000 2c000000")
	statistics := unhexed(t, "05000000 20000000 00000000 00000000 00000000 01000200 68690000 20000000")
	file := slices.Concat(section, link, names, simple, old, outbound, statistics)
	f, err := NewFile("x", bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if comment, err := f.Comment(); string(comment) != "abc" || err != nil {
		t.Errorf("Comment = %q, %v", comment, err)
	}
	for i, want := range []Entry{
		{Frame: []byte{0xaa, 0xbb}, LinkType: 1},
		{Frame: []byte{0xee}, LinkType: 1, Stamp: 2000},
		{Frame: []byte{0x77}, LinkType: 1, Stamp: 3000, Direction: Outbound},
		{Note: []byte("hi")},
	} {
		var e Entry
		if err := f.Read(&e); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(e.Frame, want.Frame) || string(e.Note) != string(want.Note) ||
			e.Stamp != want.Stamp || e.Direction != want.Direction || e.LinkType != want.LinkType {
			t.Errorf("entry %d is %+v, want %+v", i, e, want)
		}
	}
}

func unhexed(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Reading an entry costs no allocation.
func TestReadAllocs(t *testing.T) {
	for _, name := range []string{"made/path-us-be.pcap", "made/path-cooked2.pcapng", "scans/tcp-syn.pcapng"} {
		f, err := NewFile(name, bytes.NewReader(madeCapture(t, name)))
		if err != nil {
			t.Fatal(err)
		}
		var e Entry
		entries := 0
		allocs := testing.AllocsPerRun(20, func() {
			if f.Read(&e) == nil {
				entries++
			}
		})
		if allocs != 0 || entries < 10 {
			t.Errorf("%s: %v allocations, %d entries", name, allocs, entries)
		}
	}
}

func FuzzFile(f *testing.F) {
	for _, name := range []string{"made/path-us-be.pcap", "made/path-ns-be.pcapng", "made/path-us-be.pcap.gz",
		"made/path-ns-be.pcapng.zst", "scans/udp.pcapng", "made/broken-trailer.pcapng"} {
		whole := madeCapture(f, name)
		f.Add(whole[:min(len(whole), 4000)])
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		file, err := NewFile("x", bytes.NewReader(in))
		if err != nil {
			if !errors.Is(err, ErrCapture) {
				t.Fatalf("%v is not of the file", err)
			}
			return
		}
		defer file.Close()
		var e Entry
		for n := 0; n < 10_000; n++ {
			if err := file.Read(&e); err != nil {
				if err != io.EOF && !errors.Is(err, ErrCapture) {
					t.Fatalf("%v is not of the file", err)
				}
				if again := file.Read(&e); again != err {
					t.Fatalf("after %v came %v", err, again)
				}
				return
			}
			if len(e.Frame) > maxFrame {
				t.Fatalf("a frame of %d octets", len(e.Frame))
			}
		}
	})
}

func BenchmarkFile(b *testing.B) {
	for _, name := range []string{"plain.pcap", "scans/udp.pcapng"} {
		b.Run(name, func(b *testing.B) {
			whole := madeCapture(b, name)
			if strings.HasSuffix(name, ".pcapng") {
				whole = bytes.Repeat(whole, 500) // many sections
			} else {
				whole = append(whole, bytes.Repeat(whole[pcapHeader:], 500)...)
			}
			b.ReportAllocs()
			var f *File
			for b.Loop() {
				if f != nil {
					if _, _, err := f.Next(); err == nil {
						continue
					}
				}
				var err error
				if f, err = NewFile(name, bytes.NewReader(whole)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

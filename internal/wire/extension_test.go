package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// octets parses annotated hex: the rest of a line from # on is ignored.
func octets(t testing.TB, s string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(s) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Structures at the end of a message.
const (
	oneLabel = `
		20 00 46 b8 # version 2; 2000 + 0008 + 0101 + 073d + 9101 = b947, inverted
		00 08 01 01 # length 8, MPLS, incoming stack
		07 3d 91 01 # label 29657, EXP 0, bottom, TTL 1`
	oneLabelUnsummed = `
		20 00 00 00 # no checksum
		00 08 01 01
		07 3d 91 01`
	oneLabelReserved = `
		20 01 00 00 # a reserved bit, no checksum
		00 08 01 01
		07 3d 91 01`
	oneLabelBad = `
		20 00 12 34 # a wrong checksum
		00 08 01 01
		07 3d 91 01`
	cutObject = `
		20 00 00 00
		00 0c 01 01 # states 12, has 8
		07 3d 91 01`
	headerOnly = `
		20 00 df ff # nothing behind it
		`
	versionOne = `
		10 00 00 00
		00 08 01 01
		07 3d 91 01`
)

func TestFindExtension(t *testing.T) {
	tests := []struct {
		name   string
		quote  int    // octets before ext
		ext    string // hex
		stated int
		want   int // octets of origin; -1: all, no extension
	}{
		{"stated 128", 128, oneLabel, 128, 128},
		{"stated 160", 160, oneLabel, 160, 160},
		{"stated, no checksum", 160, oneLabelUnsummed, 160, 160},
		{"stated, bad checksum", 160, oneLabelBad, 160, 160},
		{"stated, cut object", 160, cutObject, 160, 160},
		{"stated, header only", 160, headerOnly, 160, 160},
		{"stated, version 1", 128, versionOne, 128, -1},
		{"stated, nothing there", 128, "", 128, -1},
		{"stated, half a header there", 128, "20 00", 128, -1},
		{"stated more than there is", 128, "", 160, -1},
		{"stated less than 128, sum fits", 56, oneLabel, 56, 56},
		{"stated less than 128, no sum", 56, oneLabelUnsummed, 56, -1},
		{"stated less than 128, bad sum", 56, oneLabelBad, 56, -1},
		{"stated less than 128, no objects", 56, headerOnly, 56, -1},
		{"stated nonsense, legacy there", 128, oneLabel, 4, 128},
		{"stated too much, legacy there", 128, oneLabel, 1020, 128},
		{"stated 132 inside the structure", 128, oneLabel, 132, 128},
		{"legacy", 128, oneLabel, 0, 128},
		{"legacy, no checksum", 128, oneLabelUnsummed, 0, 128},
		{"legacy, no checksum, reserved bit", 128, oneLabelReserved, 0, -1},
		{"legacy, no checksum, cut object", 128, cutObject, 0, -1},
		{"legacy, bad checksum", 128, oneLabelBad, 0, -1},
		{"legacy, version 1", 128, versionOne, 0, -1},
		{"legacy, elsewhere", 124, oneLabel, 0, -1},
		{"28 octets", 28, "", 0, -1},
		{"none", 0, "", 0, -1},
		{"negative", 28, "", -4, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ext := octets(t, tt.ext)
			quote := append(bytes.Repeat([]byte{0x45}, tt.quote), ext...)
			want := tt.want
			if want < 0 {
				want, ext = len(quote), nil
			}
			origin, got := FindExtension(quote, tt.stated)
			if len(origin) != want || !bytes.Equal(got, ext) {
				t.Errorf("FindExtension = %d octets, % x; want %d, % x", len(origin), got, want, ext)
			}
			if got != nil && cap(origin) != len(origin) {
				t.Error("origin has room to grow into ext")
			}
		})
	}
}

func TestExtensionDecode(t *testing.T) {
	manyLabels := octets(t, "20 00 00 00  00 44 01 01"+strings.Repeat("00 01 00 40", 16))
	tests := []struct {
		name, in string
		checksum ChecksumState
		objects  []int // octets of each payload
		err      error // of Decode
		walkErr  error // of Objects
	}{
		{"one label", oneLabel, ChecksumValid, []int{4}, nil, nil},
		{"no checksum", oneLabelUnsummed, ChecksumAbsent, []int{4}, nil, nil},
		{"bad checksum", oneLabelBad, ChecksumBad, []int{4}, nil, nil},
		{"16 labels", hex.EncodeToString(manyLabels), ChecksumAbsent, []int{64}, nil, nil},
		{"0 labels", "20 00 00 00  00 04 01 01", ChecksumAbsent, []int{0}, nil, nil},
		{"two objects", "20 00 00 00  00 04 01 01  00 06 03 01 ab cd", ChecksumAbsent, []int{0, 2}, nil, nil},
		{"no objects", headerOnly, ChecksumValid, nil, nil, nil},
		{"cut object", cutObject, ChecksumAbsent, nil, nil, ErrObject},
		{"second cut", "20 00 00 00  00 04 01 01  00 08 01 01", ChecksumAbsent, []int{0}, nil, ErrObject},
		{"object shorter than its header", "20 00 00 00  00 03 01 01", ChecksumAbsent, nil, nil, ErrObject},
		{"object of length 0", "20 00 00 00  00 00 01 01", ChecksumAbsent, nil, nil, ErrObject},
		{"half an object header", "20 00 00 00  00 08", ChecksumAbsent, nil, nil, ErrObject},
		{"version 1", versionOne, 0, nil, ErrExtensionVersion, nil},
		{"3 octets", "20 00 00", 0, nil, ErrExtensionShort, nil},
		{"nothing", "", 0, nil, ErrExtensionShort, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// The extension is dirty on purpose.
			x := Extension{Checksum: ChecksumBad, objects: []byte{1}}
			if err := x.Decode(octets(t, tt.in)); !errors.Is(err, tt.err) || x.Checksum != tt.checksum {
				t.Fatalf("Decode = %v, checksum %v; want %v, %v", err, x.Checksum, tt.err, tt.checksum)
			}
			var got []int
			objects := x.Objects()
			for objects.Next() {
				got = append(got, len(objects.Payload))
			}
			if !errors.Is(objects.Err(), tt.walkErr) || len(got) != len(tt.objects) {
				t.Fatalf("objects %v, %v; want %v, %v", got, objects.Err(), tt.objects, tt.walkErr)
			}
			for i, n := range tt.objects {
				if got[i] != n {
					t.Errorf("object %d has %d octets, want %d", i, got[i], n)
				}
			}
		})
	}
}

func TestAppendExtension(t *testing.T) {
	got := AppendExtension(nil, Object{ClassMPLS, CTypeIncomingMPLS, Label{29657, 0, 1, 1}.AppendTo(nil)})
	if want := octets(t, oneLabel); !bytes.Equal(got, want) {
		t.Errorf("AppendExtension = % x, want % x", got, want)
	}
}

// A structure has a checksum in the requested state.
func TestAppendExtensionAs(t *testing.T) {
	for _, payload := range [][]byte{nil, {7, 0x3d, 0x91, 1}, {0x5f, 0xf7, 0, 0}, bytes.Repeat([]byte{0xff}, 64)} {
		for _, want := range []ChecksumState{ChecksumAbsent, ChecksumValid, ChecksumBad} {
			var x Extension
			b := AppendExtensionAs([]byte("x"), want, Object{Class: 1, CType: 1, Payload: payload})[1:]
			if err := x.Decode(b); err != nil || x.Checksum != want {
				t.Errorf("% x: %v, %v; want %v", b, x.Checksum, err, want)
			}
			if again, ok := ParseChecksumState(want.String()); !ok || again != want {
				t.Errorf("ParseChecksumState(%q) = %v, %v", want, again, ok)
			}
		}
	}
}

// A structure that is too long loses whole objects, and its checksum stays in the same state.
func TestAppendTrimmed(t *testing.T) {
	var objects []Object
	for i := range byte(20) {
		objects = append(objects, Object{Class: 200, CType: i, Payload: bytes.Repeat([]byte{i}, 12)})
	}
	whole := AppendExtension(nil, objects...)
	bad, none := bytes.Clone(whole), bytes.Clone(whole)
	bad[len(bad)-1] ^= 1
	none[extChecksum], none[extChecksum+1] = 0, 0
	for name, in := range map[string][]byte{"valid": whole, "bad": bad, "absent": none} {
		for most := extHeader; most <= len(in)+1; most++ {
			before := []byte{1, 2, 3}
			got := AppendTrimmed(before, in, most)[len(before):]
			want := min(len(in), extHeader+(most-extHeader)/16*16)
			var x Extension
			if err := x.Decode(got); err != nil || len(got) != want || name != "bad" && x.Checksum.String() != name {
				t.Fatalf("%s, at most %d octets: %d, checksum %v, %v", name, most, len(got), x.Checksum, err)
			}
			if name == "bad" && x.Checksum == ChecksumValid {
				t.Fatalf("%s, at most %d octets: valid", name, most)
			}
			list, n := x.Objects(), byte(0)
			for list.Next() {
				if list.CType != n {
					t.Fatalf("object %d where %d was", list.CType, n)
				}
				n++
			}
			if list.Err() != nil {
				t.Fatal(list.Err())
			}
		}
	}
	// An object of length 0.
	broken := append(bytes.Clone(whole[:extHeader]), 0, 0, 1, 1, 9, 9, 9, 9)
	if got := AppendTrimmed(nil, broken, 8); !bytes.Equal(got[extHeader:], nil) {
		t.Errorf("% x", got)
	}
}

// FuzzExtension decodes its input and encodes the result, which must decode to the same.
func FuzzExtension(f *testing.F) {
	for _, s := range []string{oneLabel, oneLabelBad, cutObject, headerOnly, versionOne, indexAndName, allParts} {
		f.Add(octets(f, s), 0)
		f.Add(append(make([]byte, minOriginal), octets(f, s)...), 0)
		f.Add(append(make([]byte, 160), octets(f, s)...), 160)
	}
	f.Fuzz(func(t *testing.T, in []byte, stated int) {
		origin, ext := FindExtension(in, stated)
		if !bytes.Equal(append(bytes.Clone(origin), ext...), in) {
			t.Fatal("octets were lost")
		}
		if ext != nil && len(ext) < extHeader {
			t.Fatalf("an extension of %d octets", len(ext))
		}
		var x, again Extension
		if err := x.Decode(in); err != nil {
			if x.objects != nil || x.Checksum != 0 {
				t.Fatalf("after %v: %+v", err, x)
			}
			return
		}
		var list []Object
		walk := x.Objects()
		for walk.Next() {
			readAs(t, walk.Object)
			list = append(list, walk.Object)
		}
		copied := AppendExtension(nil, list...)
		if err := again.Decode(copied); err != nil || again.Checksum != ChecksumValid {
			t.Fatalf("copy: %v, checksum %v", err, again.Checksum)
		}
		second := again.Objects()
		for _, want := range list {
			if !second.Next() || second.Class != want.Class || second.CType != want.CType ||
				!bytes.Equal(second.Payload, want.Payload) {
				t.Fatalf("copy has %+v, want %+v", second.Object, want)
			}
		}
		if second.Next() || second.Err() != nil {
			t.Fatalf("copy has more: %v", second.Err())
		}
	})
}

// readAs decodes o according to its class, and checks the result by a round trip.
func readAs(t *testing.T, o Object) {
	var stack []byte
	for i := range o.NumLabels() {
		stack = o.Label(i).AppendTo(stack)
	}
	if o.IsMPLS() && !bytes.Equal(stack, o.Payload) {
		t.Fatalf("labels % x, want % x", stack, o.Payload)
	}
	var f, again Interface
	if f.Decode(o) != nil {
		return
	}
	payload, ctype := f.AppendTo(nil)
	if err := again.Decode(Object{ClassInterface, ctype, payload}); err != nil {
		t.Fatalf("%+v: %v", f, err)
	}
	name := f.Name[:min(len(f.Name), maxName)]
	// Zeros at the end of the cut name count as padding when read again.
	name = bytes.TrimRight(name, "\x00")
	if again.Role != f.Role || again.Index != f.Index || again.Addr != f.Addr ||
		again.MTU != f.MTU || !bytes.Equal(again.Name, name) {
		t.Fatalf("%+v, want %+v", again, f)
	}
}

func TestExtensionAllocs(t *testing.T) {
	quote := append(make([]byte, 128), octets(t, allParts)...)
	allocs := testing.AllocsPerRun(1000, func() {
		_, ext := FindExtension(quote, 128)
		var x Extension
		if x.Decode(ext) != nil {
			t.Fatal("no extension")
		}
		for o := x.Objects(); o.Next(); {
			var f Interface
			if o.NumLabels() == 0 && f.Decode(o.Object) != nil {
				t.Fatal("no interface")
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkExtension(b *testing.B) {
	stack := Object{ClassMPLS, CTypeIncomingMPLS, bytes.Repeat([]byte{0, 1, 0, 64}, 3)}
	quote := AppendExtension(make([]byte, 128), stack)
	b.ReportAllocs()
	for b.Loop() {
		_, ext := FindExtension(quote, 128)
		var x Extension
		if x.Decode(ext) != nil {
			b.Fatal("no extension")
		}
		sum := uint32(0)
		for o := x.Objects(); o.Next(); {
			for i := range o.NumLabels() {
				sum += o.Label(i).Label
			}
		}
		if sum != 48 {
			b.Fatal(sum)
		}
	}
}

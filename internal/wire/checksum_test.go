package wire

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// slowSum is the slow reference (RFC 1071 §4.1): it adds words one by one, and adds each carry at
// once.
func slowSum(b []byte) uint16 {
	var acc uint32
	for i := 0; i < len(b); i += 2 {
		word := uint32(b[i]) << 8
		if i+1 < len(b) {
			word |= uint32(b[i+1])
		}
		acc += word
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}

// sameSum reports whether two sums are equal, where the two zeros of one's complement count as the
// same.
func sameSum(a, b uint16) bool { return a%0xffff == b%0xffff }

func TestSum(t *testing.T) {
	tests := []struct {
		name, in string
		want     uint16
	}{
		{"nothing", "", 0},
		{"RFC 1071 §3", "0001 f203 f4f5 f6f7", 0xddf2},
		{"odd", "01", 0x0100},
		{"odd octet after a word", "0001 02", 0x0201},
		{"carry", "ffff 0001", 0x0001},
		{"zeros", "0000 0000", 0},
		{"ones", "ffff ffff ffff ffff ffff ffff", 0xffff},
		{"IPv4 header", "4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7", 0xffff},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := octets(t, tt.in)
			if got := Fold(Sum(in, 0)); got != tt.want {
				t.Errorf("%#04x, want %#04x", got, tt.want)
			}
		})
	}
}

// Carries propagate through blocks of ones, of zeros, and of values that overflow by one.
func TestSumCarries(t *testing.T) {
	words := []uint64{0, 1, 1<<63 - 1, 1 << 63, 1<<64 - 2, 1<<64 - 1}
	rng := rand.New(rand.NewPCG(7, 8))
	for range 100_000 {
		b := make([]byte, 8*rng.IntN(10))
		for at := 0; at < len(b); at += 8 {
			binary.BigEndian.PutUint64(b[at:], words[rng.IntN(len(words))])
		}
		start := words[rng.IntN(len(words))]
		whole := binary.BigEndian.AppendUint64(bytes.Clone(b), start)
		if got, want := Fold(Sum(b, start)), slowSum(whole); !sameSum(got, want) {
			t.Fatalf("% x on %#x = %#x, want %#x", b, start, got, want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, tt := range []struct {
		acc  uint64
		want uint16
	}{
		{0, 0},
		{1, 1},
		{0xffff, 0xffff},
		{0x10000, 1},
		{0x1ffff, 1},
		{0xffff_ffff, 0xffff},
		{0xffff_0001, 1},
		{0x1_0000_0000, 1},
		{0xffff_ffff_ffff_ffff, 0xffff},
		{0xffff_ffff_ffff_fffe, 0xfffe},
		{0x8000_0000_0000_8000, 1},
	} {
		if got := Fold(tt.acc); got != tt.want {
			t.Errorf("Fold(%#x) = %#x, want %#x", tt.acc, got, tt.want)
		}
	}
}

// TestSumChained chains parts through acc. The data is full of ones, so that each step carries.
func TestSumChained(t *testing.T) {
	b := bytes.Repeat([]byte{0xff, 0xfe, 0xff, 0xff}, 10)
	want := slowSum(b)
	for i := 0; i <= len(b); i += 2 {
		if got := Fold(Sum(b[i:], Sum(b[:i], 0))); got != want {
			t.Errorf("cut at %d: %#x, want %#x", i, got, want)
		}
	}
}

func TestPseudoSum(t *testing.T) {
	src, dst := octets(t, "c0a80001"), octets(t, "c0a800c7")
	if got, want := Fold(PseudoSum(src, dst, 17, 44)), slowSum(octets(t, "c0a80001 c0a800c7 0011 002c")); got != want {
		t.Errorf("IPv4: %#x, want %#x", got, want)
	}
	src, dst = octets(t, "2a000001f8163efffe123456f8163eff"), octets(t, "26000009ffffffffffffffffffffffff")
	pseudo := append(append(bytes.Clone(src), dst...), octets(t, "00000028 0000003a")...)
	if got, want := Fold(PseudoSum(src, dst, 58, 40)), slowSum(pseudo); got != want {
		t.Errorf("IPv6: %#x, want %#x", got, want)
	}
}

// FuzzSum compares Sum, of the whole and of two parts, with the slow reference.
func FuzzSum(f *testing.F) {
	f.Add([]byte{}, 0)
	f.Add([]byte{0xff}, 0)
	f.Add(bytes.Repeat([]byte{0xff}, 129), 8)
	r := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		b := make([]byte, r.IntN(200))
		for i := range b {
			b[i] = uint8(r.Uint32())
		}
		f.Add(b, r.IntN(200))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		want := slowSum(b)
		if got := Fold(Sum(b, 0)); got != want {
			t.Errorf("%#x, want %#x", got, want)
		}
		if cut = cut &^ 1; cut < 0 || cut > len(b) {
			return
		}
		if got := Fold(Sum(b[cut:], Sum(b[:cut], 0))); got != want {
			t.Errorf("cut at %d: %#x, want %#x", cut, got, want)
		}
	})
}

// FuzzSubstitute replaces a part of some octets and compares the result with a newly computed
// checksum.
func FuzzSubstitute(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4}, []byte{5, 6}, uint8(0))
	f.Add([]byte{0xff, 0xff, 0, 0}, []byte{0, 0}, uint8(0))
	f.Add([]byte{0, 0, 0xff, 0xff}, []byte{0xff, 0xff}, uint8(0))
	f.Add([]byte{0x55, 0x55, 0xaa, 0xaa, 1, 0}, []byte{0, 0, 0, 0}, uint8(1))
	f.Fuzz(func(t *testing.T, b, part []byte, at uint8) {
		i, n := int(at)*2, len(part)&^1
		if i+n > len(b) {
			return
		}
		was := Checksum(Sum(b, 0))
		old := bytes.Clone(b[i : i+n])
		b = bytes.Clone(b)
		copy(b[i:], part[:n])
		got, want := Substitute(was, old, part[:n]), Checksum(Sum(b, 0))
		if !sameSum(got, want) {
			t.Errorf("%#x, want %#x", got, want)
		}
	})
}

func BenchmarkSum(b *testing.B) {
	octets := make([]byte, 64)
	binary.BigEndian.PutUint64(octets, 1)
	b.ReportAllocs()
	for b.Loop() {
		Fold(Sum(octets, 0))
	}
}

package outfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// gzipped returns a gzip member.
func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := io.WriteString(z, text)
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// zstandard returns a Zstandard frame.
func zstandard(t testing.TB, text string) string {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(z.EncodeAll([]byte(text), nil))
}

// claim returns a Zstandard frame of the text whose header claims a window of
// 2^(10+exponent) octets (RFC 8878 §3.1.1.1.2).
func claim(exponent byte, text string) string {
	const lastRaw = 1 // the last block of a frame, uncompressed
	head := len(text)<<3 | lastRaw
	return string(zstdMagic) + string([]byte{0, exponent << 3, byte(head), byte(head >> 8), byte(head >> 16)}) + text
}

func TestDecompress(t *testing.T) {
	const text = "some octets"
	gz, zst := gzipped(t, text), zstandard(t, text)
	tests := []struct {
		name, in string
		packed   bool
		want     string
		err      error
	}{
		{"nothing", "", false, "", nil},
		{"one octet", "x", false, "x", nil},
		{"plain", text, false, text, nil},
		{"plain, with the first octet of gzip", "\x1f\x00", false, "\x1f\x00", nil},
		{"gzip", gz, true, text, nil},
		{"gzip members", gz + gz + gz, true, text + text + text, nil},
		{"gzip cut in the header", gz[:5], true, "", io.ErrUnexpectedEOF},
		{"gzip cut", gz[:len(gz)-1], true, text, io.ErrUnexpectedEOF},
		{"gzip cut in the second header", gz + gz[:5], true, text, io.ErrUnexpectedEOF},
		{"no gzip", "\x1f\x8b" + strings.Repeat("x", 20), true, "", gzip.ErrHeader},
		{"zstd", zst, true, text, nil},
		{"zstd frames", zst + zst + zst, true, text + text + text, nil},
		{"zstd cut in the header", zst[:5], true, "", io.ErrUnexpectedEOF},
		{"zstd cut", zst[:len(zst)-1], true, text, io.ErrUnexpectedEOF},
		{"zstd with the largest window", claim(17, text), true, text, nil},
		{"zstd with a larger window", claim(18, text), true, "", zstd.ErrWindowSizeExceeded},
		{"zstd with an absurd window", claim(31, text), true, "", zstd.ErrWindowSizeExceeded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, packed, err := Decompress(strings.NewReader(tt.in))
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r)
				err = errors.Join(err, r.Close())
			}
			if packed != tt.packed || !errors.Is(err, tt.err) || err != nil && tt.err == nil ||
				tt.err == nil && string(got) != tt.want {
				t.Errorf("%q, packed %v, %v; want %q, %v, %v", got, packed, err, tt.want, tt.packed, tt.err)
			}
		})
	}
}

// Decompress returns an error of the input unchanged, and not as one of a compressed stream.
func TestDecompressError(t *testing.T) {
	_, packed, err := Decompress(iotest.ErrReader(os.ErrClosed))
	if packed || !errors.Is(err, os.ErrClosed) {
		t.Errorf("packed %v, %v", packed, err)
	}
}

// A small stream that claims a large window, and one that decompresses to a large output, need
// limited memory.
func TestDecompressMemory(t *testing.T) {
	const size = 1 << 30
	var bomb bytes.Buffer
	z, err := zstd.NewWriter(&bomb, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range size / len(zeros) {
		if _, err := z.Write(zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]string{"claim": claim(17, "x"), "bomb": bomb.String()} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r, _, err := Decompress(strings.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		const most = 160 << 20
		if took := after.TotalAlloc - before.TotalAlloc; took > most {
			t.Errorf("%s: %d octets of input took %d octets of memory, more than %d", name, len(in), took, most)
		}
	}
}

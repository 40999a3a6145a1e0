package outfile

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
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

// The text of TestDecompress, as programs wrote it: xz -6, xz --block-size=4, and bzip2.
const (
	xzText    = "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAKc29tZSBvY3RldHMAAJboAyypcPIaAAEjC8Ib/QkftvN9AQAAAAAEWVo="
	xzBlocks  = "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQADc29tZQBeRoQmJTxwKQIAIQEWAAAAdC/lowEAAyBvY3QAhB7GdS1GU1cCACEBFgAAAHQv5aMBAAJldHMAACfIekTC7IflAAMcBBwEGwMPe6f4scRn+wIAAAAABFla"
	bzip2Text = "QlpoOTFBWSZTWQ6DIpYAAAORgEAACgKMACAAMQwBBp6nqQGDWr4u5IpwoSAdBkUs"
)

// decoded returns the octets of a base64 text.
func decoded(t testing.TB, text string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// claimXZ returns the headers of an xz stream and of a block, with right checksums. The block claims
// a dictionary of that size (§5.3.1 of the .xz file format).
func claimXZ(size byte) string {
	flags := []byte{0, 4}
	head := append([]byte(xzMagic), flags...)
	head = binary.LittleEndian.AppendUint32(head, crc32.ChecksumIEEE(flags))
	block := []byte{2, 0, xzLZMA2, 1, size, 0, 0, 0}
	return string(head) + string(binary.LittleEndian.AppendUint32(block, crc32.ChecksumIEEE(block)))
}

// A block of an xz stream cannot claim more memory than the limit, in the first stream or later.
func TestXZDictionary(t *testing.T) {
	const most = 30 // 128 MiB
	for size := range byte(41) {
		for _, before := range []string{"", decoded(t, xzBlocks)} {
			var start, end runtime.MemStats
			runtime.ReadMemStats(&start)
			r, _, err := Decompress(strings.NewReader(before + claimXZ(size)))
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			runtime.ReadMemStats(&end)
			if refused := err != nil && strings.Contains(err.Error(), "over the limit"); refused != (size > most) {
				t.Errorf("dictionary %d behind %d octets: %v", size, len(before), err)
			}
			if took := end.TotalAlloc - start.TotalAlloc; took > 160<<20 {
				t.Errorf("dictionary %d behind %d octets took %d octets", size, len(before), took)
			}
		}
	}
}

func TestDecompress(t *testing.T) {
	const text = "some octets"
	gz, zst := gzipped(t, text), zstandard(t, text)
	xz, blocks, bz := decoded(t, xzText), decoded(t, xzBlocks), decoded(t, bzip2Text)
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
		{"xz", xz, true, text, nil},
		{"xz of several blocks", blocks, true, text, nil},
		{"xz streams with padding", xz + blocks + "\x00\x00\x00\x00" + xz, true, text + text + text, nil},
		{"xz cut in the header", xz[:8], true, "", io.ErrUnexpectedEOF},
		{"xz cut", xz[:len(xz)-1], true, text, io.ErrUnexpectedEOF},
		{"xz cut in a block", blocks[:40], true, text, io.ErrUnexpectedEOF},
		{"bzip2", bz, true, text, nil},
		{"bzip2 streams", bz + bz, true, text + text, nil},
		{"bzip2 cut", bz[:20], true, "", io.ErrUnexpectedEOF},
		{"plain, with the first octets of bzip2", "BZh9 is a name", false, "BZh9 is a name", nil},
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

// Streams in the .xz format that were changed anywhere end in an error or in their text, in bounded
// memory.
func FuzzReader(f *testing.F) {
	for _, text := range []string{xzText, xzBlocks} {
		f.Add([]byte(decoded(f, text)))
	}
	f.Add([]byte(claimXZ(40)))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := newXZReader(bytes.NewReader(in))
		if err == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20))
		}
	})
}

package outfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// packer is a compressor. After its Flush, everything written so far can be decompressed. After
// Close, Reset begins another stream.
type packer interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// Packing returns the compression that Open uses for a file of that name: gz, zst, or empty for
// none. Upper and lower case are the same.
func Packing(path string) string {
	path = strings.ToLower(path)
	for _, ending := range []string{"gz", "zst"} {
		if strings.HasSuffix(path, "."+ending) {
			return ending
		}
	}
	return ""
}

// newPacker returns the compressor to w for a file named path, or nil for no compression.
func newPacker(w io.Writer, path string) (packer, error) {
	switch Packing(path) {
	case "gz":
		return gzip.NewWriter(w), nil
	case "zst":
		// With a concurrency of 2 it compresses and writes a block on a goroutine of its
		// own while the next block is filled. Flush and Close wait for that goroutine.
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(2))
	}
	return nil, nil
}

// The first octets of compressed streams (RFC 1952 §2.3.1, RFC 8878 §3.1.1).
var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// maxWindow is the largest accepted Zstandard window, in octets: the decoder holds that many octets
// of the latest output. It is the limit of the program zstd without --long, and the window of its
// highest level.
const maxWindow = 128 << 20

// unpackBuffer is how many octets of compressed input are read at once.
const unpackBuffer = 64 << 10

// Decompress returns a reader of the content of the stream in. If its first octets are those of
// gzip or Zstandard, packed is true and the reader decompresses. It reads several gzip members or
// Zstandard frames as one stream. The decoder uses at most about 130 MiB, even if the stream claims
// more.
//
// If packed is true, err is an error of the compressed stream: io.ErrUnexpectedEOF if it ends in
// its header. If packed is false, err is an error of in. Close releases the decoder and does not
// close in.
func Decompress(in io.Reader) (r io.ReadCloser, packed bool, err error) {
	raw := bufio.NewReaderSize(in, unpackBuffer)
	head, err := raw.Peek(len(zstdMagic))
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, true, err
		}
		return z, true, nil
	case bytes.Equal(head, zstdMagic):
		// With a concurrency of 1 it decodes in the goroutine that calls Read.
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, true, err
		}
		return zstdReader{z}, true, nil
	}
	return io.NopCloser(raw), false, nil
}

// zstdReader is a decoder as an io.ReadCloser. Its error for a large window states the limit.
type zstdReader struct{ decoder *zstd.Decoder }

func (z zstdReader) Read(b []byte) (int, error) {
	n, err := z.decoder.Read(b)
	if errors.Is(err, zstd.ErrWindowSizeExceeded) {
		err = fmt.Errorf("decompression needs more than %d MiB of memory: %w", maxWindow>>20, err)
	}
	return n, err
}

func (z zstdReader) Close() error {
	z.decoder.Close()
	return nil
}

package outfile

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The first octets of compressed streams (RFC 1952 §2.3.1, RFC 8878 §3.1.1, the .xz file format
// §2.1.1.1). Of bzip2 they are the signature, the size of blocks, and the magic of the first
// block.
var (
	gzipMagic  = []byte{0x1f, 0x8b}
	zstdMagic  = []byte{0x28, 0xb5, 0x2f, 0xfd}
	xzMagic    = []byte{0xfd, '7', 'z', 'X', 'Z', 0}
	bzip2Magic = []byte("BZh")
	bzip2Block = []byte{0x31, 0x41, 0x59, 0x26, 0x53, 0x59}
)

// leastMagic octets exclude all of them but one, and MostMagic confirm it.
const (
	leastMagic = 4
	MostMagic  = 10
)

// PackingOf returns the compression of a stream that begins with some octets, at least MostMagic if it
// has as many: gz, zst, xz or bz2. It returns "" for others.
func PackingOf(head []byte) string {
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		return "gz"
	case bytes.HasPrefix(head, zstdMagic):
		return "zst"
	case bytes.HasPrefix(head, xzMagic[:leastMagic]):
		return "xz"
	case bytes.HasPrefix(head, bzip2Magic) && bytes.HasSuffix(head[:min(len(head), MostMagic)], bzip2Block):
		return "bz2"
	}
	return ""
}

// maxWindow is the largest accepted Zstandard window, in octets: the decoder holds that many
// octets of the latest output. It is the limit of the program zstd without --long, and the window
// of its highest level.
const maxWindow = 128 << 20

// unpackBuffer is how many octets of compressed input are read at once.
const unpackBuffer = 64 << 10

// Decompress returns a reader of the content of the stream in. If its first octets are those of
// gzip, Zstandard, xz or bzip2, packed is true and the reader decompresses. It reads several gzip
// members, Zstandard frames or other streams as one. The decoder uses at most about 130 MiB, even
// if the stream claims more.
//
// If packed is true, err is an error of the compressed stream: io.ErrUnexpectedEOF if it ends in
// its header. If packed is false, err is an error of in. Close releases the decoder and does not
// close in.
func Decompress(in io.Reader) (r io.ReadCloser, packed bool, err error) {
	raw := bufio.NewReaderSize(in, unpackBuffer)
	head, err := raw.Peek(leastMagic) // no more: a person may type
	if err == nil && (bytes.HasPrefix(head, xzMagic[:leastMagic]) || bytes.HasPrefix(head, bzip2Magic)) {
		head, err = raw.Peek(MostMagic)
	}
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	switch PackingOf(head) {
	case "gz":
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, true, err
		}
		return z, true, nil
	case "zst":
		// With a concurrency of 1 it decodes in the goroutine that calls Read.
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, true, err
		}
		return zstdReader{z}, true, nil
	case "xz":
		z, err := newXZReader(raw)
		if err != nil {
			return nil, true, err
		}
		return io.NopCloser(z), true, nil
	case "bz2":
		return io.NopCloser(bzip2.NewReader(raw)), true, nil
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

package format

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The first octets of what is compressed (RFC 1952 §2.3.1, RFC 8878 §3.1.1).
var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// unpack returns a reader of what is in in, decompressed if its first octets are those of
// gzip or Zstandard. Close releases the decoder and does not close in.
func unpack(in io.Reader) (io.ReadCloser, error) {
	raw := bufio.NewReaderSize(in, bufferLen)
	head, err := raw.Peek(len(zstdMagic))
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read records: %w", err)
	}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		z, err := gzip.NewReader(raw)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return io.NopCloser(errReader{err}), nil
		}
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		return z, nil
	case bytes.Equal(head, zstdMagic):
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, fmt.Errorf("read records: %w", err)
		}
		return z.IOReadCloser(), nil
	}
	return io.NopCloser(raw), nil
}

// errReader has nothing but an error.
type errReader struct{ err error }

// Read implements io.Reader.
func (r errReader) Read([]byte) (int, error) { return 0, r.err }

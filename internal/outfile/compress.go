package outfile

import (
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

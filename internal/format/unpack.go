package format

import (
	"errors"
	"fmt"
	"io"

	"github.com/masstrace/masstrace/internal/outfile"
)

// unpack returns a reader of the content of in, decompressed if necessary. Close releases
// the decoder and does not close in.
func unpack(in io.Reader) (io.ReadCloser, error) {
	unpacked, packed, err := outfile.Decompress(in)
	switch {
	case packed && errors.Is(err, io.ErrUnexpectedEOF):
		return io.NopCloser(errReader{err}), nil
	case err != nil:
		return nil, fmt.Errorf("read records: %w", err)
	case packed:
		return readAhead(unpacked), nil
	}
	return unpacked, nil
}

// errReader has nothing but an error.
type errReader struct{ err error }

// Read implements io.Reader.
func (r errReader) Read([]byte) (int, error) { return 0, r.err }

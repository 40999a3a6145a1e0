package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// inMemory is the longest file that is held in memory. A longer one that is not read from its
// end goes through a temporary file.
const inMemory = 16 << 20

// spool returns the content of in as a file that can be read at any place. The temporary file has
// no name, and goes with the process if it is not closed before.
func spool(in io.Reader) (at io.ReaderAt, size int64, end func() error, err error) {
	var first bytes.Buffer
	n, err := io.CopyN(&first, in, inMemory)
	none := func() error { return nil }
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return bytes.NewReader(first.Bytes()), n, none, nil
	}
	if err != nil {
		return nil, 0, none, fmt.Errorf("read records: %w", err)
	}
	f, err := os.CreateTemp("", "masstrace-*.parquet")
	if err != nil {
		return nil, 0, none, fmt.Errorf("make a temporary file: %w", err)
	}
	err = os.Remove(f.Name())
	if err == nil {
		_, err = f.Write(first.Bytes())
	}
	if err == nil {
		size, err = io.Copy(f, in)
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, 0, none, errors.Join(fmt.Errorf("copy to a temporary file: %w", err), f.Close())
	}
	return f, n + size, f.Close, nil
}

package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// summaryRoom is how many octets at the end of the records are searched for the summary, which is
// the last record but one.
const summaryRoom = 256 << 10

// ReadSummary reads the summary record of masstrace's NDJSON file at path into v, as encoding/json
// does. If the name ends in .zst, the file is compressed.
func ReadSummary(path string, v any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var last []byte
	if strings.HasSuffix(path, ".zst") {
		last, err = readLast(f)
	} else {
		last, err = lastOf(f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	at := bytes.LastIndex(last, []byte(`{"type":"summary"`))
	if at < 0 {
		return fmt.Errorf("%s: no summary", path)
	}
	line, _, _ := bytes.Cut(last[at:], []byte("\n"))
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// lastOf returns the last octets of a file.
func lastOf(f *os.File) ([]byte, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	last := make([]byte, min(size, summaryRoom))
	_, err = f.ReadAt(last, size-int64(len(last)))
	return last, err
}

// readLast returns the last octets of a compressed file. It reads the whole file.
func readLast(f *os.File) ([]byte, error) {
	z, err := zstd.NewReader(f)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var last []byte
	for room := make([]byte, summaryRoom); ; {
		n, err := io.ReadFull(z, room)
		last = append(last, room[:n]...)
		last = last[max(len(last)-summaryRoom, 0):]
		switch {
		case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
			return last, nil
		case err != nil:
			return nil, err
		}
	}
}

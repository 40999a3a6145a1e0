package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// summaryRoom is the octets at the end of a file in which the summary is looked
// for: it is the last record but one.
const summaryRoom = 256 << 10

// ReadSummary reads the summary record of an NDJSON file of masstrace's into v, as
// encoding/json does.
func ReadSummary(path string, v any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	end := make([]byte, min(size, summaryRoom))
	if _, err := f.ReadAt(end, size-int64(len(end))); err != nil {
		return err
	}
	at := bytes.LastIndex(end, []byte(`{"type":"summary"`))
	if at < 0 {
		return fmt.Errorf("%s: no summary", path)
	}
	line, _, _ := bytes.Cut(end[at:], []byte("\n"))
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

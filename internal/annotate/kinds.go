package annotate

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/masstrace/masstrace/internal/mrt"
	"github.com/masstrace/masstrace/internal/outfile"
)

// The kinds of databases, as records have them.
const (
	kindMMDB      = "mmdb"
	kindPfx2as    = "pfx2as"
	kindMRT       = "mrt"
	kindPeeringDB = "peeringdb"
	kindNames     = "names"
)

// Limits of databases. A compressed file may claim any size.
const (
	// mostPacked is how long a compressed database of the kind mmdb may be, in octets.
	mostPacked = 256 << 20
	// mostPrefixes is how many prefixes a database of another kind may have: the routing tables of
	// 2026 have 1.3 million.
	mostPrefixes = 4 << 20
	// longestText is the most of a name that is kept, in octets.
	longestText = 200
)

// content is the content of a file.
type content struct {
	kind   string
	fields Fields
	time   int64 // s since the Unix epoch; 0 if the contents do not tell
	finder finder
}

// headLen is how many octets show the kind of a file.
const headLen = 64 << 10

var errUnknown = errors.New("it is none of: MaxMind database (mmdb), CAIDA pfx2as, MRT routing table (TABLE_DUMP_V2), PeeringDB dump (JSON), names (address and name)")

// read reads a database of any kind.
func read(ctx context.Context, f *os.File, info fs.FileInfo) (*content, error) {
	if text, err := wholeMMDB(f, info); err != nil || text != nil {
		if err != nil {
			return nil, err
		}
		return readMMDB(text)
	}
	in, err := unpacked(&stopping{ctx, f})
	if err != nil {
		return nil, cutError(err)
	}
	defer in.Close()
	return recognize(bufio.NewReaderSize(in, headLen))
}

// recognize reads a database of any kind but a plain file of MaxMind's.
func recognize(in *bufio.Reader) (*content, error) {
	head, err := in.Peek(headLen)
	if err != nil && err != io.EOF && len(head) == 0 {
		return nil, cutError(err)
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")))
	switch {
	case len(text) == 0:
		return nil, errors.New("it is empty")
	case mrt.Begins(head):
		return readMRT(in)
	case bytes.IndexByte(head, 0) >= 0:
		return packedMMDB(in)
	case text[0] == '{' || text[0] == '[':
		return readPeeringDB(in)
	case isPfx2as(head):
		return readPfx2as(in)
	case isNames(head):
		return readNames(in)
	}
	return nil, errUnknown
}

// unpacked returns a reader of a file, decompressed.
func unpacked(in io.Reader) (io.ReadCloser, error) {
	raw := bufio.NewReaderSize(in, headLen)
	if head, _ := raw.Peek(4); bytes.HasPrefix(head, []byte("BZh")) {
		return io.NopCloser(bzip2.NewReader(raw)), nil
	}
	r, _, err := outfile.Decompress(raw)
	return r, err
}

// stopping is a reader that ends with a context.
type stopping struct {
	ctx context.Context
	io.Reader
}

// Read implements io.Reader.
func (s *stopping) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.Reader.Read(b)
}

// cutError returns an error about a file that ends too early, if err is about that; else err.
func cutError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it is cut: its end is missing")
	}
	return err
}

// short returns a text of at most longestText octets.
func short(s string) string {
	if len(s) <= longestText {
		return s
	}
	n := longestText
	for n > 0 && s[n]&0xc0 == 0x80 { // within a character
		n--
	}
	return s[:n]
}

// tooMany is the error about a database with too many prefixes.
func tooMany() error { return fmt.Errorf("it has more than %d prefixes", mostPrefixes) }

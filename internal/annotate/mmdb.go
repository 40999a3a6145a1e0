package annotate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Databases in MaxMind's format (mmdb): a tree of prefixes, their data, and metadata after a mark
// near the end of the file.
var mmdbMark = []byte("\xab\xcd\xefMaxMind.com")

// mmdbTail is the part of a file that the mark is in, in octets.
const mmdbTail = 128 << 10

// mmdb is such a database. It remembers the data that it decoded.
type mmdb struct {
	reader  *maxminddb.Reader
	entries map[uintptr]*entry // by their offsets
}

// mostEntries is how many decoded data are remembered.
const mostEntries = 1 << 18

// wholeMMDB returns the contents of a plain file with the mark, nil if it has none. The file is not
// mapped: a program that cuts a mapped file ends every process that reads it.
func wholeMMDB(f *os.File, info fs.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() || info.Size() < int64(len(mmdbMark)) {
		return nil, nil
	}
	tail := make([]byte, min(info.Size(), mmdbTail))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil {
		return nil, err
	}
	if !bytes.Contains(tail, mmdbMark) {
		return nil, nil
	}
	head := make([]byte, 4)
	if _, err := f.ReadAt(head, 0); err == nil && isPacked(head) {
		return nil, nil
	}
	text := make([]byte, info.Size())
	if _, err := io.ReadFull(f, text); err != nil {
		return nil, cutError(err)
	}
	return text, nil
}

// isPacked reports whether a file that begins with head is compressed. A file that was stored
// without compression has the mark, too.
func isPacked(head []byte) bool {
	return bytes.HasPrefix(head, []byte{0x1f, 0x8b}) || bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}) || bytes.HasPrefix(head, []byte("BZh"))
}

// packedMMDB reads a database that is compressed, or comes from a pipe.
func packedMMDB(in *bufio.Reader) (*content, error) {
	var text bytes.Buffer
	n, err := io.Copy(&text, io.LimitReader(in, mostPacked+1))
	switch {
	case err != nil:
		return nil, offsetError(n, cutError(err))
	case n > mostPacked:
		return nil, fmt.Errorf("it has more than %d bytes and is no plain file: decompress it first", mostPacked)
	}
	b := text.Bytes()
	if !bytes.Contains(b[max(0, len(b)-mmdbTail):], mmdbMark) {
		return nil, fmt.Errorf("%w; if it is a MaxMind database, its end is missing", errUnknown)
	}
	return readMMDB(b)
}

// sampled is how many networks show which fields a database has.
const sampled = 1000

// readMMDB opens a database.
func readMMDB(text []byte) (*content, error) {
	r, err := maxminddb.OpenBytes(text)
	if err != nil {
		return nil, err
	}
	m := &mmdb{reader: r, entries: map[uintptr]*entry{}}
	fields, n := Fields(0), 0
	for result := range r.Networks() {
		if result.Err() != nil {
			return nil, result.Err()
		}
		e, err := m.entry(result)
		if err != nil {
			return nil, err
		}
		if e != nil && len(e.asn) > 0 {
			fields |= Origin
		}
		if e != nil && e.country != "" {
			fields |= Country
		}
		if n++; n == sampled {
			break
		}
	}
	if fields == 0 {
		return nil, fmt.Errorf("a MaxMind database of the type %.60q, without AS numbers and countries", r.Metadata.DatabaseType)
	}
	return &content{kind: kindMMDB, fields: fields, time: int64(min(r.Metadata.BuildEpoch, 1<<40)), finder: m}, nil
}

// find implements finder.
func (m *mmdb) find(a netip.Addr) (match, error) {
	if m.reader.Metadata.IPVersion == 4 && !a.Is4() {
		return match{}, nil
	}
	result := m.reader.Lookup(a)
	if err := result.Err(); err != nil {
		return match{}, err
	}
	e, err := m.entry(result)
	if err != nil {
		return match{}, err
	}
	found := match{prefix: result.Prefix(), same: a.BitLen()} // the leaf of the tree, without an entry, too
	if found.prefix.Addr().BitLen() == a.BitLen() {
		found.same = found.prefix.Bits()
	}
	if found.entry = e; e == nil {
		found.prefix = netip.Prefix{}
	}
	return found, nil
}

// entry returns the data of a network, nil if there are none of use.
func (m *mmdb) entry(result maxminddb.Result) (*entry, error) {
	if !result.Found() {
		return nil, nil
	}
	at := result.Offset()
	if e, ok := m.entries[at]; ok {
		return e, nil
	}
	var data mmdbData
	if err := result.Decode(&data); err != nil {
		var wrong maxminddb.UnmarshalTypeError
		if !errors.As(err, &wrong) { // data of another form have no field of ours
			return nil, offsetError(int64(at), err)
		}
	}
	e := data.entry()
	if len(m.entries) >= mostEntries {
		clear(m.entries)
	}
	m.entries[at] = e
	return e, nil
}

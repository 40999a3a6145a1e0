package target

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
)

// maxLine is the largest length of a line in octets, including a comment. That is far more than any
// entry needs, and it bounds the memory for a file without line ends.
const maxLine = 64 << 10

// Lines holds the entries of target or exclusion lists. A line contains an IPv4 or IPv6 address, a
// prefix, a range "first-last", or nothing. The rest of a line from # on is a comment. CRLF line
// ends and a byte order mark are accepted.
//
// Host bits of a prefix are masked and counted. Zones are errors. IPv4-mapped IPv6 addresses are
// errors too, since they would give one target two texts. In IPv6 prefixes and ranges that contain
// them, ::ffff:0:0/96 and :: are left out: no probe can be sent there.
//
// The zero Lines is empty and ready to use, by one goroutine at a time.
type Lines struct {
	spans    []span // all entries but single addresses
	singles  []u128
	hostBits int
	first    string // place of the first prefix with host bits set
}

// ParseArgs reads the targets that a command's arguments name. An argument is an address, a prefix
// or a range if it can be parsed as one. "-" is stdin. Any other argument is a file. (A file with a
// name that looks like a target is named by a path: ./10.0.0.1.) The error about a file wraps an
// *fs.PathError.
func ParseArgs(args []string, stdin io.Reader) (*Lines, error) {
	l := new(Lines)
	stdinRead := false
	for _, arg := range args {
		if arg == "-" {
			if stdinRead {
				return nil, errors.New("standard input (-) is named twice")
			}
			stdinRead = true
			if err := l.Read("stdin", stdin); err != nil {
				return nil, err
			}
			continue
		}
		e, notEntry := parseEntry(strings.TrimSpace(arg))
		if notEntry == nil {
			l.add(e, arg)
			continue
		}
		err := l.readFile(arg)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, Missing(arg, notEntry, err)
		}
		if err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *Lines) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err // the error names the file
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return &fs.PathError{Op: "read list", Path: path, Err: syscall.EISDIR}
	}
	return l.Read(path, f)
}

// Read adds the lines of r. Its errors contain name:line. After an error l holds the lines before
// it and should be discarded.
func (l *Lines) Read(name string, r io.Reader) error {
	return EachLine(name, r, func(line string, n int) error {
		e, bad := parseEntry(line)
		if bad != nil {
			return bad
		}
		l.addLine(e, name, n)
		return nil
	})
}

// EachLine calls f for each line of a list that is not empty, with its number from 1. Comments,
// spaces around the text, CRLF line ends and a byte order mark are removed. Errors, also those of
// f, contain name:line. The memory is bounded for any r.
func EachLine(name string, r io.Reader, f func(line string, n int) error) error {
	in := bufio.NewReaderSize(r, maxLine)
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		if err != nil && err != io.EOF {
			if err == bufio.ErrBufferFull {
				err = fmt.Errorf("line is longer than %d bytes", maxLine)
			}
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if i := bytes.IndexByte(line, '#'); i >= 0 {
			line = line[:i]
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if bad := f(string(line), n); bad != nil {
				return fmt.Errorf("%s:%d: %w", name, n, bad)
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

func (l *Lines) addLine(e entry, name string, n int) {
	where := ""
	if e.hostBits && l.hostBits == 0 {
		where = fmt.Sprintf("%s:%d", name, n)
	}
	l.add(e, where)
}

func (l *Lines) add(e entry, where string) {
	if e.hostBits {
		if l.hostBits++; l.hostBits == 1 {
			l.first = where
		}
	}
	parts := []span{e.span}
	if e.is6 && e.lo.Hi == 0 {
		parts = subtract(parts, []span{{}, mapped})
	}
	if !e.single {
		l.spans = append(l.spans, parts...)
	} else if len(parts) == 1 {
		l.singles = append(l.singles, e.lo)
	}
}

// HostBits returns how many prefixes had host bits set, which were masked, and the place of the
// first of them: file:line, or the argument.
func (l *Lines) HostBits() (count int, first string) { return l.hostBits, l.first }

// Set returns the addresses of all lines.
func (l *Lines) Set() Set { return l.setWith(l.sortedSingles()) }

func (l *Lines) setWith(singles []u128) Set {
	return Set{union(canonical(slices.Clone(l.spans)), alone(singles))}
}

// sortedSingles returns the addresses that were listed by themselves, each once.
func (l *Lines) sortedSingles() []u128 {
	s := slices.Clone(l.singles)
	slices.SortFunc(s, u128.Cmp)
	return slices.Compact(s)
}

// Digest returns the SHA-256, in hexadecimal, of the targets that the lines define. Its input is
// the canonical text of Set, then a line for each address listed by itself, in order.
func (l *Lines) Digest() string {
	singles := l.sortedSingles()
	return digest(l.setWith(singles).spans, singles)
}

// AppendText appends the lines in canonical form. Reading them again gives the same targets.
func (l *Lines) AppendText(b []byte) ([]byte, error) {
	for _, s := range canonical(slices.Clone(l.spans)) {
		b = appendSpan(b, s)
	}
	for _, v := range l.sortedSingles() {
		b = append(toAddr(v).Netip().AppendTo(b), '\n')
	}
	return b, nil
}

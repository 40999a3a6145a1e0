// Package intake reads the targets and exclusions of a run from files. These are lists of
// addresses, prefixes and names, columns of CSV files, routing tables, and results of earlier
// runs.
//
//	arguments, files ── recognised by content ──▶ entries ──▶ target.Lines
//	                                          └──▶ names ──▶ addresses ──┘
//
// Listed entries take the memory of package target. The rest is bounded for any input.
package intake

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/masstrace/masstrace/internal/mrt"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
)

// Config is a request for lists.
type Config struct {
	// Args are addresses, prefixes, ranges, names, files, or "-" for Stdin.
	Args  []string
	Stdin io.Reader
	// Column is the name of the column that has the entries; the texts in Args are then CSV with
	// a header. "" means that they are lists with an entry in each line.
	Column string
	// Results are files of results, whose targets are taken. Where are conditions on their
	// traces: "stop_reason=GAPLIMIT". All must hold.
	Results, Where []string
	Family         Family
	// Names looks names up. It is nil if names are errors, as in exclusions.
	Names Resolver
	// Known are names that were looked up before; they are not looked up again.
	Known []record.Name
}

// Family restricts targets to an address family.
type Family uint8

// The families.
const (
	Both Family = iota
	IPv4
	IPv6
)

// FieldError is an error about a field of Config, other than Args.
type FieldError struct {
	Field string
	Err   error
}

// Error implements error.
func (e *FieldError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// Lists are the result of reading.
type Lists struct {
	*target.Lines
	Names    []record.Name // in the order of the lists, each once
	Warnings []string      // in words for people
}

// Read reads all lists. The error about a file that cannot be opened wraps an *fs.PathError;
// others contain name:line or an offset. ctx ends look-ups of names.
//
// An argument is an address, a prefix or a range if it can be parsed as one, and else a file. (A
// file with a name that looks like a target is named by a path: ./10.0.0.1.) If there is no such
// file, it is a name.
func Read(ctx context.Context, c Config) (*Lists, error) {
	r := reader{conf: &c, out: Lists{Lines: new(target.Lines)}, names: newNames(c.Known)}
	if err := r.checkWhere(); err != nil {
		return nil, err
	}
	for _, arg := range c.Args {
		if err := r.argument(arg); err != nil {
			return nil, err
		}
	}
	for _, path := range c.Results {
		if err := r.open(path, r.results); err != nil {
			return nil, &FieldError{"FromResults", err}
		}
	}
	if err := r.resolve(ctx); err != nil {
		return nil, err
	}
	if c.Family != Both {
		r.out.KeepFamily(c.Family == IPv4)
	}
	return &r.out, nil
}

// reader reads the lists of a request.
type reader struct {
	conf      *Config
	out       Lists
	where     []condition
	names     *names
	stdinRead bool
	empty     emptyCells
}

// argument reads the targets that an argument names.
func (r *reader) argument(arg string) error {
	if arg == "-" {
		return r.open(arg, r.file)
	}
	notEntry := r.out.Add(strings.TrimSpace(arg), arg)
	if notEntry == nil {
		return nil
	}
	err := r.open(arg, r.file)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if r.conf.Names != nil {
		if taken, err := r.name(arg, ""); taken || err != nil {
			return err
		}
	}
	return target.Missing(arg, notEntry, err)
}

// open opens a file, or Stdin for -, and lets read read it. size is that of the file in octets, 0
// if it is not known.
func (r *reader) open(path string, read func(name string, in io.Reader, size int64) error) error {
	if path == "-" {
		if r.stdinRead {
			return errors.New("standard input (-) is named twice")
		}
		r.stdinRead = true
		return read("stdin", r.conf.Stdin, 0)
	}
	f, err := os.Open(path)
	if err != nil {
		return err // the error names the file
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() {
		r.out.Expect(func() float64 {
			at, err := f.Seek(0, io.SeekCurrent)
			if err != nil {
				return 0
			}
			return float64(at) / float64(info.Size())
		})
		defer r.out.Expect(nil)
	}
	switch {
	case err == nil && info.IsDir():
		return &fs.PathError{Op: "read list", Path: path, Err: syscall.EISDIR}
	case err == nil && info.Mode().IsRegular():
		return read(path, f, info.Size())
	}
	return read(path, f, 0)
}

// headLen is how many octets of a file are looked at to recognise it. It is enough for the heads
// of all formats.
const headLen = 256

// file reads a list of any kind, which it recognises by its first octets.
func (r *reader) file(name string, in io.Reader, size int64) error {
	unpacked, packed, err := outfile.Decompress(in)
	if packed && err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("%s:1: %w", name, err)
	}
	defer unpacked.Close()
	buffered := bufio.NewReaderSize(unpacked, 64<<10)
	head, _ := buffered.Peek(headLen) // a fault comes again
	switch {
	case mrt.Begins(head):
		return r.routes(name, buffered)
	case isResults(head):
		return r.results(name, buffered, size)
	case r.conf.Column != "":
		return r.column(name, buffered)
	}
	return r.list(name, buffered, size, head)
}

// list reads a list with an entry in each line. head is its beginning.
func (r *reader) list(name string, in io.Reader, size int64, head []byte) error {
	columns := columnsOf(head) // before the octets are overwritten
	t := target.Text{Size: size}
	if r.conf.Names != nil {
		t.Name = func(text string) (bool, error) { return r.name(text, name) }
	}
	err := r.out.ReadText(name, in, t)
	if err != nil && len(columns) > 1 && strings.HasPrefix(err.Error(), name+":1: ") {
		return &FieldError{"Column", fmt.Errorf("%w; if this is CSV, name the column that has the targets, one of %s", err, strings.Join(columns, ", "))}
	}
	return err
}

// routes reads a routing table. Default routes, which are not about any network, are left out.
func (r *reader) routes(name string, in io.Reader) error {
	table, n := mrt.NewReader(in), 0
	for {
		route, err := table.Next()
		if err == io.EOF && n == 0 {
			return fmt.Errorf("%s: the routing table has no route", name)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if n++; route.Prefix.Bits() > 0 {
			r.out.AddPrefix(route.Prefix)
		}
	}
}

// warn adds a warning.
func (r *reader) warn(format string, args ...any) {
	r.out.Warnings = append(r.out.Warnings, fmt.Sprintf(format, args...))
}

// some returns the first texts of a list, with a mark if there are more.
func some(texts []string) []string {
	const most = 30
	if len(texts) > most {
		return append(slices.Clone(texts[:most]), "…")
	}
	return texts
}

package annotate

import (
	"fmt"
	"net/netip"

	"github.com/masstrace/masstrace/internal/record"
)

// entry has the fields of some addresses in one database. Nothing changes it after it was made. Addresses
// with the same entry share it, so that a pointer to it stands for its contents.
type entry struct {
	asn                        []uint32
	asName, ixp, country, name string
}

// match is the answer of a database for an address.
type match struct {
	entry  *entry       // nil if there is none
	prefix netip.Prefix // that has the entry
	// same is how many bits other addresses have in common with this one whose answer is the same.
	same int
}

// finder looks addresses up in a database.
type finder interface {
	// find is called by one goroutine at a time.
	find(a netip.Addr) (match, error)
}

// database is an open database.
type database struct {
	record.Database
	path   string
	fields Fields // that are used
	finder finder
}

// namer is a finder that has names of autonomous systems, too.
type namer interface{ nameOf(asn uint32) string }

// FileError is about a database that cannot be read, or has a wrong entry.
type FileError struct {
	Path string
	Err  error // with the line or the offset
}

// Error implements error.
func (e *FileError) Error() string { return fmt.Sprintf("database %s: %v", e.Path, e.Err) }

// Unwrap returns the fault.
func (e *FileError) Unwrap() error { return e.Err }

// KindError is about a file that an option names, and that has no field that the option is for.
type KindError struct {
	Option string // field of Config
	Path   string
	Kind   string
}

// Error implements error.
func (e *KindError) Error() string {
	return fmt.Sprintf("%s is of the kind %s, which has no such data", e.Path, e.Kind)
}

// lineError is about a line of a database.
func lineError(line int, format string, args ...any) error {
	return fmt.Errorf("line %d: %w", line, fmt.Errorf(format, args...))
}

// offsetError is about a place in a database, in octets from its beginning, decompressed.
func offsetError(at int64, err error) error { return fmt.Errorf("byte %d: %w", at, err) }

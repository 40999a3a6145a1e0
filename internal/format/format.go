// Package format holds the common parts of the formats of result files. They write and read
// records, and find the format of a file from its first octets.
//
// Each format has a folder of its own below this one, with its reader and its writer
// side by side. Package all lists them.
package format

import (
	"errors"
	"fmt"
	"io"

	"github.com/masstrace/masstrace/internal/record"
)

// Writer writes records. It keeps nothing of a record that Write was given. The first
// error stays: later calls return it. A Writer is used by one goroutine at a time.
//
// A Writer may have a method HandOver() error, too. It writes all gathered records for a
// reader that follows along, and leaves compression to Flush.
type Writer interface {
	Write(record.Record) error
	// Flush writes all gathered records through to the file.
	Flush() error
}

// Reader reads records. It is used by one goroutine at a time.
type Reader interface {
	// Read returns the next record, freshly allocated. At the end it returns io.EOF, or
	// ErrCut if the file ends inside a record. After a *LineError it may be called again,
	// for the next lines. After another error it returns the same error again.
	Read() (record.Record, error)
}

// ErrCut is the end of a file that ends inside a record or inside its compressed
// stream, because its writer was killed. All records before are valid.
var ErrCut = errors.New("the last record is cut")

// ErrUnknown is wrapped by the error about a file of no known format.
var ErrUnknown = errors.New("unknown format")

// LineError is about a line that is not understood.
type LineError struct {
	Line int // from 1
	Err  error
}

// Error implements error.
func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the fault.
func (e *LineError) Unwrap() error { return e.Err }

// Format is a format that can be read, written, or both.
type Format struct {
	Name string
	// Endings are the ends of the names of files that are written in this format, with their
	// dots, without that of a compression: .warts, .scamper.json.
	Endings []string
	// Begins reports whether a file that begins with head is of the format. head has two
	// lines or more, if there are two and they are not too long; the last may be cut.
	Begins func(head []byte) bool
	// NewReader returns a Reader of a file that is not compressed; it is nil if the format is
	// only written.
	NewReader func(in io.Reader) Reader
	// NewWriter returns a Writer; it is nil if the format is only read.
	NewWriter func(Output) Writer
	// Binary means that files of the format are not text.
	Binary bool
	// Whole means that a file is useless until its end is written. Such a file is made under
	// another name and renamed, and no run can continue it.
	Whole bool
	// Replies means that the format has a row for each reply, and no traces. Its Writer gets
	// replies alone: see Rows.
	Replies bool
	// Tables are the names of the tables that a file can have, one at a time; nil if the format has
	// no choice. The first one is the default.
	Tables []string
	// Lacks are the parts of records that the format has no place for, in words for people, for
	// example "replies" or "times of replies".
	Lacks []string
}

// These are in Lacks of a format that has no place for multipath records, or for the fields that come
// from databases.
const (
	LacksMultipath   = "multipath records"
	LacksAnnotations = "fields of databases"
)

// AllBut begins the only entry of Lacks of a format that has one part of the records: the rest of it
// names this part.
const AllBut = "all but "

// LacksBalancers is likewise in Lacks of a format of scamper, whose object of all paths has one
// confidence for all of them.
const LacksBalancers = "states, kinds and confidences of balancers, remapped links and times of flows"

// Output is what a Writer writes to, and the choice of records.
type Output struct {
	Out      io.Writer
	Kinds    record.Kinds // data records to write; others are ignored
	Run      string       // the run, for formats that name it in every record
	Hostname string       // the vantage point, likewise
	Table    string       // of formats with several tables; "" is the first one
}

// Ender is a Writer whose files have an end of their own. End writes it, after the last record; then
// Flush writes it through. Without it the file is cut.
type Ender interface{ End() error }

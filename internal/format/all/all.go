// Package all lists the formats of result files. A new one is a folder beside this one
// and a line here.
package all

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/atlas"
	"github.com/masstrace/masstrace/internal/format/caracal"
	"github.com/masstrace/masstrace/internal/format/flatlinks"
	"github.com/masstrace/masstrace/internal/format/lists"
	"github.com/masstrace/masstrace/internal/format/mtr"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/format/parquet"
	"github.com/masstrace/masstrace/internal/format/scamper"
	"github.com/masstrace/masstrace/internal/format/traceroute"
	"github.com/masstrace/masstrace/internal/format/warts"
	"github.com/masstrace/masstrace/internal/format/yarrp"
	"github.com/masstrace/masstrace/internal/outfile"
)

// formats are tried in order: the first that a file begins like is its format. No file begins like
// two of them.
var formats = []format.Format{
	ndjson.Format, // also of names without an ending
	atlas.Format,
	mtr.Format,
	warts.Format,
	parquet.Format,
	scamper.Format,
	traceroute.Format,
	caracal.Format,
	yarrp.Format,
	lists.Interfaces, lists.Links, lists.Answered, lists.Silent,
	flatlinks.Format,
}

// readable and writable are the formats that can be read, and those that can be written. Endings
// are those of the writable ones.
var readable, writable, endings = sorted(formats)

func sorted(formats []format.Format) (readable, writable []format.Format, endings []outfile.Kind) {
	for _, f := range formats {
		if f.NewReader != nil {
			readable = append(readable, f)
		}
		if f.NewWriter != nil {
			writable = append(writable, f)
			endings = append(endings, outfile.Kind{Format: f.Name, Endings: f.Endings})
		}
	}
	return readable, writable, endings
}

// Open opens a file of results at path, which may be compressed; - means stdin. The
// error wraps format.ErrUnknown if it is of no format.
func Open(path string, stdin io.Reader) (*format.File, error) {
	return format.Open(path, stdin, readable)
}

// OpenAs is Open of a file whose format has that name. The beginning of the file is not compared.
// The name "" stands for Open.
func OpenAs(name, path string, stdin io.Reader) (*format.File, error) {
	if name == "" {
		return Open(path, stdin)
	}
	i := slices.IndexFunc(readable, func(f format.Format) bool { return f.Name == name })
	if i < 0 {
		return nil, &NameError{Name: name, Known: names(readable)}
	}
	any := readable[i]
	any.Begins = func([]byte) bool { return true }
	return format.Open(path, stdin, []format.Format{any})
}

// New is Open of a stream. Close does not close in.
func New(in io.Reader) (*format.File, error) { return format.New(in, readable) }

// FormatOf returns the format of an output file, by the ending of its name. field is the field of
// the configuration that has the path. The error is an *outfile.EndingError.
func FormatOf(field, path string) (format.Format, error) {
	name, err := outfile.FormatOf(endings, field, path)
	if err != nil {
		return format.Format{}, err
	}
	return WriterOf(name)
}

// WriterOf returns the format of that name, which can be written. The error is a *NameError.
func WriterOf(name string) (format.Format, error) {
	i := slices.IndexFunc(writable, func(f format.Format) bool { return f.Name == name })
	if i < 0 {
		return format.Format{}, &NameError{Name: name, Known: names(writable)}
	}
	return writable[i], nil
}

// Names returns the names of all formats.
func Names() []string { return names(formats) }

// Endings returns the endings of the names of output files, with their dots.
func Endings() (list []string) {
	for _, k := range endings {
		list = append(list, k.Endings...)
	}
	return list
}

// Readers and Writers return the names of the formats that can be read, and of those that can be
// written.
func Readers() []string { return names(readable) }

// Writers is described at Readers.
func Writers() []string { return names(writable) }

func names(list []format.Format) (names []string) {
	for _, f := range list {
		names = append(names, f.Name)
	}
	return names
}

// NameError means that no format has a name.
type NameError struct {
	Name  string // of no format; perhaps an ending of file names
	Known []string
}

// Error implements error.
func (e *NameError) Error() string {
	for _, k := range endings {
		if slices.Contains(k.Endings, "."+e.Name) {
			return fmt.Sprintf("no format has the name %q: files that end in .%s are of the format %s; the formats are %s", e.Name, e.Name, k.Format, strings.Join(e.Known, ", "))
		}
	}
	return fmt.Sprintf("no format has the name %q: use one of %s", e.Name, strings.Join(e.Known, ", "))
}

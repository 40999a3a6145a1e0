package fileset

import (
	"errors"
	"fmt"
	"io"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/ndjson"
)

// Open opens the results of a run: one file of any format, or the files of a set in any order. - is
// stdin. A set is read as if it were one file.
func Open(paths []string, stdin io.Reader) (*format.File, error) {
	if len(paths) == 1 {
		return all.Open(paths[0], stdin)
	}
	parts, err := openParts(paths, stdin)
	if err != nil {
		return nil, err
	}
	lead, others, err := roles(parts)
	if err != nil {
		return nil, errors.Join(err, parts.Close())
	}
	return format.NewFile(ndjson.Format.Name, ndjson.ReadFrom(newJoin(lead, others)), parts), nil
}

// parts are open files.
type parts []*part

func openParts(paths []string, stdin io.Reader) (parts, error) {
	var list parts
	for _, path := range paths {
		p, err := openPart(path, stdin)
		if err != nil {
			return nil, errors.Join(err, list.Close())
		}
		list = append(list, p)
	}
	return list, nil
}

// Close closes all files.
func (l parts) Close() (err error) {
	for _, p := range l {
		err = errors.Join(err, p.in.Close())
	}
	return err
}

// Offset returns how many octets of the files were read.
func (l parts) Offset() (at int64) {
	for _, p := range l {
		if in, ok := p.in.(interface{ Offset() int64 }); ok {
			at += in.Offset()
		}
	}
	return at
}

// mostParts is the number of files of a whole set.
const mostParts = 3

// pieces ends a message about files that look like pieces of one file.
const pieces = "; if they are pieces of one file, put them together first, in their order, for example with cat"

// roles finds the part that has the run record.
func roles(list parts) (lead *part, others []*part, err error) {
	traces := ""
	for _, p := range list {
		switch typ := p.peek(); typ {
		case ndjson.TypeReply:
			others = append(others, p)
		case ndjson.TypeTrace:
			if traces != "" {
				return nil, nil, fmt.Errorf("%w: %s and %s both begin with traces%s", ErrForeign, traces, p.path, pieces)
			}
			traces = p.path
			others = append(others, p)
		case "":
			if !p.ended() || p.err != io.EOF {
				return nil, nil, fmt.Errorf("open results %s: %w: not a file of a run", p.path, format.ErrUnknown)
			}
			others = append(others, p) // a run without replies has an empty file
		default:
			switch {
			case typ != ndjson.TypeCycleStart && typ != ndjson.TypeRun && (lead != nil || traces != ""):
				return nil, nil, fmt.Errorf("%w: %s begins with a %s record%s", ErrForeign, p.path, typ, pieces)
			case lead != nil:
				return nil, nil, fmt.Errorf("%w: %s and %s both have a run record", ErrForeign, lead.path, p.path)
			}
			lead = p
		}
	}
	switch {
	case lead == nil:
		return nil, nil, fmt.Errorf("%w: the run record and the summary of %s are in another file; give it, too", ErrMissing, list[0].path)
	case len(list) > mostParts:
		return nil, nil, fmt.Errorf("%w: a run has at most %d files", ErrForeign, mostParts)
	}
	return lead, others, nil
}

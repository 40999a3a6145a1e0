package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/run"
)

// part is one of several captures that are one run.
type part struct {
	path   string
	number int
	file   *pcapng.File // nil while it is closed
	next   pcapng.Entry // the next frame; valid while file is open
	first  int64        // stamp of the first frame
	kept   bool         // it cannot be opened again: standard input, a pipe
}

// mostOpen is how many captures may cover the same time: each needs memory of its own.
const mostOpen = 64

// merge reads captures as one, in the order of time.
type merge struct {
	stdin  io.Reader
	parts  []*part // not begun; by their first frames
	open   []*part
	frames uint64
	faults []error // of captures that are not whole
}

// add takes a file that was just opened, and closes it again if it can be opened later.
func (m *merge) add(path string, file *pcapng.File) {
	p := &part{path: path, number: len(m.parts), file: file}
	info, err := os.Stat(path)
	p.kept = path == "-" || err == nil && !info.Mode().IsRegular()
	m.advance(p)
	if p.file == nil { // it has no frame
		return
	}
	p.first = p.next.Stamp
	m.parts = append(m.parts, p)
	if !p.kept {
		p.file.Close() // read only: nothing is lost
		p.file = nil
	}
}

// advance reads the next frame of a part. At its end, or at a fault, it closes the part.
func (m *merge) advance(p *part) {
	for {
		err := p.file.Read(&p.next)
		if err == nil && p.next.Frame == nil {
			continue
		}
		if err == nil {
			return
		}
		if !errors.Is(err, io.EOF) || errors.Is(err, pcapng.ErrCapture) {
			m.faults = append(m.faults, err)
		}
		p.file.Close() // read only: nothing is lost
		p.file = nil
		return
	}
}

// each gives every frame to take, with its file, until the end of the files or of ctx.
func (m *merge) each(ctx context.Context, take func(e *pcapng.Entry, file int) error) error {
	slices.SortStableFunc(m.parts, func(a, b *part) int { return cmp.Compare(a.first, b.first) })
	defer m.close()
	for {
		if m.frames%256 == 0 && ctx.Err() != nil {
			return nil
		}
		p, err := m.least()
		if p == nil || err != nil {
			return err
		}
		m.frames++
		if err := take(&p.next, p.number); err != nil {
			return err
		}
		if m.advance(p); p.file == nil {
			m.open = slices.DeleteFunc(m.open, func(o *part) bool { return o == p })
		}
	}
}

// least returns the part with the earliest frame, and nil at the end. It opens the parts that begin
// before that frame.
func (m *merge) least() (*part, error) {
	for {
		var least *part
		for _, p := range m.open {
			if least == nil || p.next.Stamp < least.next.Stamp {
				least = p
			}
		}
		if len(m.parts) == 0 || least != nil && least.next.Stamp <= m.parts[0].first {
			return least, nil
		}
		if err := m.begin(m.parts[0]); err != nil {
			return nil, err
		}
		m.parts = m.parts[1:]
	}
}

// begin opens a part.
func (m *merge) begin(p *part) error {
	if len(m.open) == mostOpen {
		return &run.Incomplete{Err: fmt.Errorf("%s: more than %d captures cover the same time", p.path, mostOpen)}
	}
	if p.file == nil {
		var err error
		if p.file, err = pcapng.OpenFile(p.path, m.stdin); err != nil {
			return &run.Incomplete{Err: err}
		}
		if m.advance(p); p.file == nil {
			return nil
		}
	}
	m.open = append(m.open, p)
	return nil
}

// close closes the files that are open.
func (m *merge) close() {
	for _, p := range slices.Concat(m.parts, m.open) {
		if p.file != nil {
			p.file.Close() // read only: nothing is lost
		}
	}
	m.parts, m.open = nil, nil
}

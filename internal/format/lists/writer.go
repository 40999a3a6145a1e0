package lists

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
)

const (
	// mostKeys is how many lines are held in memory: about 64 MB with their texts.
	mostKeys = 1 << 18
	// mostRuns is how many temporary files are open at once.
	mostRuns = 64
)

// Writer gathers lines and writes them at the end of the file. It is used by one goroutine at a
// time. Flush writes nothing before End.
type Writer struct {
	*format.Text
	kinds   record.Kinds
	header  string
	targets bool // lines are targets with a flag
	addAll  func(*Writer, record.Record)
	line    func(sorted string) (line string, ok bool) // the text that is written

	most int // keys in memory
	keys map[key]struct{}
	runs []*os.File // of sorted lines; they have no names
}

// Write implements format.Writer.
func (w *Writer) Write(r record.Record) error {
	switch r.(type) {
	case *record.Trace, *record.Multipath:
		if w.kinds.Has(record.Traces) {
			w.addAll(w, r)
		}
	case *record.Reply:
		if w.kinds.Has(record.Replies) {
			w.addAll(w, r)
		}
	}
	return w.Err()
}

// add adds a line.
func (w *Writer) add(k key) {
	if w.Err() != nil {
		return
	}
	w.keys[k] = struct{}{}
	if len(w.keys) >= w.most {
		w.Fail(w.spill())
	}
}

// End implements format.Ender: it writes all lines.
func (w *Writer) End() error {
	if w.Err() != nil {
		return w.Err()
	}
	w.Buf = append(w.Buf, w.header...)
	w.Fail(w.merge(append(w.open(), &source{lines: w.sorted()}), func(line string) error {
		if line, ok := w.line(line); ok {
			w.Buf = append(append(w.Buf, line...), '\n')
		}
		return w.Text.End()
	}))
	w.Fail(w.close())
	return w.Err()
}

// sorted returns the lines in memory, sorted, and forgets them.
func (w *Writer) sorted() []string {
	lines := make([]string, 0, len(w.keys))
	var b []byte
	for k := range w.keys {
		b = k.appendTo(b[:0], w.targets)
		lines = append(lines, string(b))
	}
	clear(w.keys)
	slices.Sort(lines)
	return lines
}

// spill moves the lines in memory to a temporary file. If there are too many of these, they become
// one.
func (w *Writer) spill() error {
	lines := w.sorted()
	if len(w.runs) < mostRuns {
		return w.run(func(write func(string) error) error {
			for _, line := range lines {
				if err := write(line); err != nil {
					return err
				}
			}
			return nil
		})
	}
	sources := append(w.open(), &source{lines: lines})
	old := w.runs
	w.runs = nil
	err := w.run(func(write func(string) error) error { return w.merge(sources, write) })
	for _, f := range old {
		err = errors.Join(err, f.Close())
	}
	return err
}

// run makes a temporary file of the lines that fill writes.
func (w *Writer) run(fill func(write func(string) error) error) error {
	f, err := os.CreateTemp("", "masstrace-list-*")
	if err != nil {
		return fmt.Errorf("sort lines: %w", err)
	}
	w.runs = append(w.runs, f)
	if err := os.Remove(f.Name()); err != nil { // the file stays until it is closed
		return fmt.Errorf("sort lines: %w", err)
	}
	out := bufio.NewWriterSize(f, 1<<16)
	err = fill(func(line string) error {
		_, _ = out.WriteString(line)
		return out.WriteByte('\n')
	})
	if err = errors.Join(err, out.Flush()); err != nil {
		return fmt.Errorf("sort lines: %w", err)
	}
	return nil
}

// source gives sorted lines: of a file, or of memory.
type source struct {
	lines []string
	in    *bufio.Reader // nil in memory
	line  string        // the current one
}

// next goes to the next line, and reports whether there is one.
func (s *source) next() (bool, error) {
	if s.in == nil {
		if len(s.lines) == 0 {
			return false, nil
		}
		s.line, s.lines = s.lines[0], s.lines[1:]
		return true, nil
	}
	line, err := s.in.ReadString('\n')
	if err == io.EOF {
		return false, nil
	}
	s.line = strings.TrimSuffix(line, "\n")
	return err == nil, err
}

// open returns the sources of all runs, from their begins.
func (w *Writer) open() (sources []*source) {
	for _, f := range w.runs {
		sources = append(sources, &source{in: bufio.NewReaderSize(io.NewSectionReader(f, 0, 1<<62), 1<<16)})
	}
	return sources
}

// merge writes the lines of all sources in order, each once.
func (w *Writer) merge(sources []*source, write func(string) error) error {
	live := sources[:0]
	advance := func(s *source) (bool, error) {
		ok, err := s.next()
		if err != nil {
			return false, fmt.Errorf("sort lines: %w", err)
		}
		return ok, nil
	}
	for _, s := range sources {
		ok, err := advance(s)
		if err != nil {
			return err
		}
		if ok {
			live = append(live, s)
		}
	}
	for len(live) > 0 {
		least := slices.MinFunc(live, func(a, b *source) int { return strings.Compare(a.line, b.line) }).line
		if err := write(least); err != nil {
			return err
		}
		for i := 0; i < len(live); {
			if live[i].line != least {
				i++
				continue
			}
			ok, err := advance(live[i])
			if err != nil {
				return err
			}
			if ok {
				i++
			} else {
				live = slices.Delete(live, i, i+1)
			}
		}
	}
	return nil
}

// close closes the temporary files.
func (w *Writer) close() (err error) {
	for _, f := range w.runs {
		err = errors.Join(err, f.Close())
	}
	w.runs = nil
	return err
}

package journal

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/watch/board"
)

// Reader reads a journal.
type Reader struct {
	Head Head

	in      *bufio.Scanner
	name    string
	line    int
	targets map[netip.Addr]int
	end     *End
}

// Limits of a journal that is read.
const (
	longestLine = 1 << 20
	mostTargets = 4096
	mostFlows   = 1024
)

// NewReader reads the head of a journal. name is that of the file, for errors.
func NewReader(in io.Reader, name string) (*Reader, error) {
	r := &Reader{in: bufio.NewScanner(in), name: name, targets: map[netip.Addr]int{}}
	r.in.Buffer(make([]byte, 0, 1<<16), longestLine)
	line, err := r.next()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the file is empty", name)
	}
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(line, &r.Head) != nil || r.Head.Type != "watch" {
		return nil, r.wrong("not the first line of a recorded watch")
	}
	switch h := &r.Head; {
	case h.Version != Version:
		return nil, r.wrong(fmt.Sprintf("version %d is not supported", h.Version))
	case len(h.Targets) == 0 || len(h.Targets) > mostTargets || h.Flows < 1 || h.Flows*len(h.Targets) > mostFlows:
		return nil, r.wrong(fmt.Sprintf("%d targets with %d flows", len(h.Targets), h.Flows))
	}
	for i, t := range r.Head.Targets {
		r.targets[t.Addr] = i
	}
	return r, nil
}

// Targets returns the targets for a board. Their names are safe on a terminal.
func (r *Reader) Targets() []board.Target {
	var list []board.Target
	for _, t := range r.Head.Targets {
		list = append(list, board.Target{Name: plaintext.Clean(t.Name), Addr: t.Addr})
	}
	return list
}

// Next returns the next sample, or io.EOF after the last one. Changes are left out: a board finds
// them again. A line that cannot be read is an error with its number; a last line that was cut off
// is the end.
func (r *Reader) Next() (s board.Sample, err error) {
	for {
		line, err := r.next()
		if err != nil {
			return s, err
		}
		var kind struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(line, &kind); err != nil {
			wrong := r.wrong(err.Error())
			if _, after := r.next(); errors.Is(after, io.EOF) {
				return s, io.EOF // a process that was killed wrote it
			}
			return s, wrong
		}
		switch kind.Type {
		case "watch-sample":
			return r.sample(line)
		case "watch-end":
			r.end = new(End)
			if err := json.Unmarshal(line, r.end); err != nil {
				return s, r.wrong(err.Error())
			}
		}
	}
}

// sample reads a sample.
func (r *Reader) sample(line []byte) (s board.Sample, err error) {
	var l sample
	if err := json.Unmarshal(line, &l); err != nil {
		return s, r.wrong(err.Error())
	}
	s, ok := l.decode()
	target, known := r.targets[l.Target]
	s.Target = target
	if !ok || !known || s.Flow < 0 || s.Flow >= r.Head.Flows {
		return s, r.wrong("the fields of the sample do not fit together")
	}
	return s, nil
}

// End returns the last line, nil if the journal has none: it was cut off.
func (r *Reader) End() *End { return r.end }

// next returns the next line.
func (r *Reader) next() ([]byte, error) {
	if !r.in.Scan() {
		if err := r.in.Err(); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", r.name, r.line+1, err)
		}
		return nil, io.EOF
	}
	r.line++
	return r.in.Bytes(), nil
}

// wrong returns the error of the current line.
func (r *Reader) wrong(text string) error { return fmt.Errorf("%s:%d: %s", r.name, r.line, text) }

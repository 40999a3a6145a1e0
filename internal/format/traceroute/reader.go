package traceroute

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Format is the text of traceroute(8), one path after another. masstrace trace writes it for
// people; it is no format of results to write.
var Format = format.Format{
	Name:      "traceroute",
	Begins:    begins,
	NewReader: func(in io.Reader) format.Reader { return NewReader(in) },
}

// heads begin the first line of a path.
var heads = []string{"traceroute to ", "traceroute6 to "}

func begins(head []byte) bool {
	head = bytes.TrimSpace(head)
	for _, s := range heads {
		if bytes.HasPrefix(head, []byte(s)) {
			return true
		}
	}
	return false
}

// longestRow is the limit of a line, in octets.
const longestRow = 1 << 16

// Reader reads traces from the text of traceroute(8). It is used by one goroutine at a time.
type Reader struct {
	lines *format.Lines
	path  *path // the one that is being read, nil before the first
	next  error // of the next Read
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader { return &Reader{lines: format.NewLines(in)} }

// Read implements format.Reader. The names of routers are left out. A line that is not understood
// is a LineError; the trace that it belongs to comes without it.
func (r *Reader) Read() (record.Record, error) {
	for {
		if err := r.next; err != nil {
			r.next = nil
			return nil, err
		}
		line, whole, err := r.lines.Next()
		if err != nil {
			return r.end(err)
		}
		text := string(line)
		head, isHead := cutHead(text)
		if !whole && (isHead || !endsWhole(text)) {
			return r.end(r.lines.Cut())
		}
		if !isHead {
			if err := r.add(text); err != nil {
				return nil, r.lines.Fault(err)
			}
			continue
		}
		done := r.path
		if r.path, err = parseHead(head); err != nil {
			r.next = r.lines.Fault(err)
		}
		if done != nil {
			return done.finish(), nil
		}
	}
}

// end returns the last trace if there is one, and then err.
func (r *Reader) end(err error) (record.Record, error) {
	if r.path == nil {
		return nil, err
	}
	done := r.path
	r.path, r.next = nil, err
	return done.finish(), nil
}

// add adds a line to the path.
func (r *Reader) add(text string) error {
	switch {
	case r.path == nil:
		return errors.New("a row without a line before it that has a target")
	case len(text) > longestRow:
		return fmt.Errorf("a row of more than %d bytes", longestRow)
	case text[0] == '(': // a remark of masstrace
		return nil
	}
	return r.path.row(text)
}

// endsWhole reports whether a row without a newline is not cut inside a time or an address.
func endsWhole(text string) bool {
	last := text[strings.LastIndexByte(text, ' ')+1:]
	return last == "ms" || last == "*" || last == "reply"
}

func cutHead(text string) (rest string, ok bool) {
	for _, s := range heads {
		if rest, ok = strings.CutPrefix(text, s); ok {
			return rest, true
		}
	}
	return "", false
}

// parseHead returns the path of a first line after the word to: NAME (ADDRESS) from SOURCE, 30 hops
// max, 60 byte packets. The address is missing if the name is one.
func parseHead(s string) (*path, error) {
	where, rest, _ := strings.Cut(s, ",")
	fields := strings.Fields(where)
	if len(fields) == 0 {
		return nil, errors.New("a path without a target")
	}
	target := fields[0]
	if len(fields) > 1 && strings.HasPrefix(fields[1], "(") {
		target = strings.Trim(fields[1], "()")
	}
	addr, err := format.ParseAddr(target)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	p := &path{trace: &record.Trace{Head: record.Head{Target: addr, Method: record.NoMethod}, Bare: true}}
	if n := len(fields); n > 2 && fields[n-2] == "from" {
		p.trace.Source, _ = format.ParseAddr(fields[n-1])
	}
	words := strings.Fields(rest)
	for i := 1; i < len(words); i++ {
		n, err := strconv.ParseUint(words[i-1], 10, 16)
		switch {
		case err != nil:
		case words[i] == "hops":
			p.trace.MaxTTL = uint8(min(n, math.MaxUint8))
		case words[i] == "byte":
			p.trace.ProbeSize = int(n)
		}
	}
	return p, nil
}

// finish infers how the trace ended, and returns it.
func (p *path) finish() *record.Trace {
	t := p.trace
	for i := range t.Hops {
		h := &t.Hops[i]
		switch {
		case h.Responder == t.Target && !p.unreachable[i]:
			t.StopReason, t.StopData, t.Reached = record.StopCompleted, 0, true
		case p.unreachable[i] && !t.Reached:
			t.StopReason, t.StopData = record.StopUnreach, h.Code
		}
	}
	if n := len(t.Hops); n > 0 {
		t.End = t.Hops[n-1].TTL
	}
	if t.StopReason == record.StopNone && p.ttl != 0 && p.ttl == t.MaxTTL {
		t.StopReason, t.End = record.StopHopLimit, p.ttl
	}
	t.MaxTTL = max(t.MaxTTL, p.ttl)
	return t
}

// newHop returns a router's answer; how the target answers is not in the text.
func newHop(t *record.Trace, ttl, attempt uint8, from probe.Addr) record.Hop {
	h := record.Hop{Lacks: record.LacksKind | record.LacksValid}
	h.Target, h.TTL, h.Attempt, h.Responder = t.Target, ttl, attempt, from
	if from != t.Target {
		h.Protocol = probe.ICMP.Protocol(t.Target.Is4())
		h.Type = timeExceeded(t.Target.Is4())
	}
	return h
}

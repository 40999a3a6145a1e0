// Package traceroute writes traces for people, row by row, as traceroute(8) does. It reads the text
// of traceroute(8), too.
package traceroute

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Row has the replies at one TTL of a trace to one target.
type Row struct {
	TTL    uint8
	Probes []Probe // by flow
}

// Probe is a probe of a row and its answer, nil for silence.
type Probe struct {
	Flow uint16
	Hop  *record.Hop
}

// Writer writes a trace for people, row by row, as traceroute(8) does. Several flows make a table
// with a line for each responder. Silent rows at the end of a path are one line.
type Writer struct {
	// Out takes each row in one Write.
	Out io.Writer
	// Name returns the name of a router, or its address; nil shows addresses alone. Its
	// text is made safe for a terminal.
	Name func(netip.Addr) string
	// Label returns the text of an annotation; nil shows none.
	Label func(*record.Annotation) string
	// Extensions has the ICMP extensions of answers (RFC 4884) written, such as MPLS labels.
	Extensions bool
	Flows      int
	// Width is how wide the column of responders is if there are several flows.
	Width int
	// Columns is the width of the terminal. Longer lines are broken between words; 0 breaks
	// none.
	Columns int

	buf    bytes.Buffer
	silent []Row      // the latest rows, if nothing answered them; not written yet
	paths  []flowPath // of each flow
}

// Head writes the line in front of all rows. host is as the user wrote it, size
// that of a probe in octets.
func (r *Writer) Head(host string, target netip.Addr, maxTTL uint8, size int) error {
	r.paths = make([]flowPath, r.Flows)
	text := fmt.Sprintf("traceroute to %s (%s), %d hops max, %d byte packets", printable(host), target, maxTTL, size)
	if r.Flows <= 1 {
		return r.line("%s", text)
	}
	if err := r.line("%s, %d flows", text, r.Flows); err != nil {
		return err
	}
	return r.flowHead()
}

// Row writes a row. A row without an answer is written before the next one that has an answer, or
// by Tail.
func (r *Writer) Row(row Row) error {
	if row.isSilent() {
		r.silent = append(r.silent, row)
		return nil
	}
	if err := r.flushSilent(); err != nil {
		return err
	}
	return r.write(row)
}

// Tail writes the lines that need the whole trace.
func (r *Writer) Tail() error {
	if err := r.fold(); err != nil {
		return err
	}
	if r.Flows <= 1 {
		return nil
	}
	return r.flowTail()
}

// isSilent reports whether nothing answered the probes of a row.
func (r Row) isSilent() bool {
	return !slices.ContainsFunc(r.Probes, func(p Probe) bool { return p.Hop != nil })
}

// flushSilent writes the silent rows of a path that goes on.
func (r *Writer) flushSilent() error {
	silent := r.silent
	r.silent = r.silent[:0]
	for _, row := range silent {
		if err := r.write(row); err != nil {
			return err
		}
	}
	return nil
}

// fold writes the silent rows at the end of a path as one line. A single row stays as it is.
func (r *Writer) fold() error {
	n := len(r.silent)
	if n < 2 {
		return r.flushSilent()
	}
	first, last := r.silent[0].TTL, r.silent[n-1].TTL
	r.silent = r.silent[:0]
	return r.line("%2d-%d  no reply", first, last)
}

// write writes a row in full.
func (r *Writer) write(row Row) error {
	if r.Flows > 1 {
		return r.flowRows(row)
	}
	r.buf.Reset()
	fmt.Fprintf(&r.buf, "%2d ", row.TTL)
	var last *record.Hop
	for _, p := range row.Probes {
		h := p.Hop
		if h == nil {
			r.buf.WriteString(" *")
			continue
		}
		if last == nil || last.Responder != h.Responder || r.Extensions && !bytes.Equal(last.Ext, h.Ext) {
			r.buf.WriteString(r.responder(h))
			if label := r.label(h); label != "" {
				r.buf.WriteString(" " + label)
			}
			if text := r.extensions(h); text != "" {
				r.buf.WriteString(" <" + text + ">")
			}
		}
		if h.HasRTT() {
			fmt.Fprintf(&r.buf, "  %s ms", millis(h.RTT))
		}
		r.buf.WriteString(mark(h))
		last = h
	}
	return r.endLine()
}

// Stopped writes that the trace ended at its gap limit, a number of TTLs; 0 is an unknown one.
func (r *Writer) Stopped(gapLimit int) error {
	number := "too many"
	if gapLimit > 0 {
		number = fmt.Sprint(gapLimit)
	}
	return r.line("    (stopped after %s silent TTLs in a row)", number)
}

// Touched writes that the target answered, if in no row.
func (r *Writer) Touched(target netip.Addr, method probe.Method) error {
	how := "an acknowledgement"
	if method == probe.UDP {
		how = "a datagram"
	}
	return r.line("%s answered by %s, which tells no distance", target, how)
}

// responder returns the address that answered, with a space in front.
func (r *Writer) responder(h *record.Hop) string {
	addr := h.Source()
	text := fmt.Sprintf(" %s", addr)
	switch n := h.Annotation; {
	case r.Label != nil && n != nil && n.Name != "":
		text = fmt.Sprintf(" %s (%s)", printable(n.Name), addr)
	case r.Name != nil:
		text = fmt.Sprintf(" %s (%s)", printable(r.Name(addr)), addr)
	}
	switch h.Kind {
	case probe.KindSYNACK:
		text += " [open]"
	case probe.KindRST:
		text += " [closed]"
	}
	return text
}

// A label on a terminal leaves room for the rest of its row: a TTL, an IPv4 address, brackets and
// three times. It has leastLabel characters at least: all rows of 80 columns have room for them.
const (
	leastLabel = 22
	labelRest  = len(" 1  255.255.255.255 []") + 3*len("  123.456 ms")
)

// label returns the annotation of an answer in brackets; "" if there is none.
func (r *Writer) label(h *record.Hop) string {
	if r.Label == nil || h.Annotation == nil {
		return ""
	}
	text := []rune(printable(r.Label(h.Annotation)))
	if len(text) == 0 {
		return ""
	}
	if most := max(leastLabel, r.Columns-labelRest); r.Columns > 0 && len(text) > most {
		text = append(text[:most-3], []rune("...")...)
	}
	return "[" + string(text) + "]"
}

// extensions returns the extensions of an answer as text, "" if they are not to be written.
func (r *Writer) extensions(h *record.Hop) string {
	if !r.Extensions {
		return ""
	}
	return extensionText(h.Ext)
}

// line writes a line.
func (r *Writer) line(format string, args ...any) error {
	r.buf.Reset()
	fmt.Fprintf(&r.buf, format, args...)
	return r.endLine()
}

func (r *Writer) endLine() error {
	_, err := r.Out.Write([]byte(broken(r.buf.String(), r.Columns) + "\n"))
	return err
}

func millis(ns int64) string {
	return fmt.Sprintf("%.3f", float64(ns)/float64(time.Millisecond))
}

// printable returns a name from the network for a terminal.
func printable(s string) string {
	return plaintext.Line(s)
}

// Package traceroute writes traces for people, row by row, as traceroute(8) does.
package traceroute

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

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

// Writer writes a trace for people, row by row, as traceroute(8) does. Rows of
// several flows have a line for each responder, with its flows.
type Writer struct {
	// Out takes each row in one Write.
	Out io.Writer
	// Name returns the name of a router, or its address; nil shows addresses alone. Its
	// text is made safe for a terminal.
	Name func(netip.Addr) string
	// Extensions has the ICMP extensions of answers (RFC 4884) written, such as MPLS labels.
	Extensions bool
	Flows      int
	// Width is how wide the column of responders is if there are several flows.
	Width int

	buf   bytes.Buffer
	paths []flowPath // of each flow
}

// Head writes the line in front of all rows. host is as the user wrote it, size
// that of a probe in octets.
func (r *Writer) Head(host string, target netip.Addr, maxTTL uint8, size int) error {
	r.paths = make([]flowPath, r.Flows)
	r.buf.Reset()
	fmt.Fprintf(&r.buf, "traceroute to %s (%s), %d hops max, %d byte packets", printable(host), target, maxTTL, size)
	if r.Flows > 1 {
		fmt.Fprintf(&r.buf, ", %d flows", r.Flows)
	}
	return r.endLine()
}

// Row writes a row.
func (r *Writer) Row(row Row) error {
	r.buf.Reset()
	fmt.Fprintf(&r.buf, "%2d ", row.TTL)
	if r.Flows > 1 {
		return r.flowRows(row)
	}
	var last *record.Hop
	for _, p := range row.Probes {
		h := p.Hop
		if h == nil {
			r.buf.WriteString(" *")
			continue
		}
		if last == nil || last.Responder != h.Responder || r.Extensions && !bytes.Equal(last.Ext, h.Ext) {
			r.responder(h)
			r.buf.WriteString(r.extensions(h))
		}
		if h.HasRTT() {
			fmt.Fprintf(&r.buf, "  %s ms", millis(h.RTT))
		}
		r.buf.WriteString(mark(h))
		last = h
	}
	return r.endLine()
}

// Tail writes the lines that need the whole trace; there are none for one flow.
func (r *Writer) Tail() error {
	if r.Flows <= 1 {
		return nil
	}
	var paths []flowPath // distinct ones
	var flows [][]uint16 // that take them
	for flow, path := range r.paths {
		i := slices.IndexFunc(paths, path.agrees)
		if i < 0 {
			i, paths, flows = len(paths), append(paths, flowPath{}), append(flows, nil)
		}
		maps.Copy(paths[i], path)
		flows[i] = append(flows[i], uint16(flow))
	}
	r.buf.Reset()
	fmt.Fprintf(&r.buf, "%d path", len(paths))
	if len(paths) != 1 {
		r.buf.WriteByte('s')
	}
	for i := range paths {
		r.buf.WriteString([]string{": ", "; "}[min(i, 1)])
		fmt.Fprintf(&r.buf, "flow %s", ranges(flows[i]))
	}
	return r.endLine()
}

// Touched writes that the target answered, if in no row.
func (r *Writer) Touched(target netip.Addr, method probe.Method) error {
	how := "an acknowledgement"
	if method == probe.UDP {
		how = "a datagram"
	}
	r.buf.Reset()
	fmt.Fprintf(&r.buf, "%s answered by %s, which tells no distance", target, how)
	return r.endLine()
}

// flowPath has the first responder of a flow at each TTL.
type flowPath map[uint8]probe.Addr

// agrees reports whether the two paths are equal; silence equals every responder.
func (p flowPath) agrees(other flowPath) bool {
	for ttl, addr := range p {
		if have, ok := other[ttl]; ok && have != addr {
			return false
		}
	}
	return true
}

// branch is a responder of a row, with the flows that saw it; one without a hop is silence.
type branch struct {
	hop   *record.Hop
	flows []uint16
	rtts  []int64
}

// flowRows writes the lines of a row of several flows.
func (r *Writer) flowRows(row Row) error {
	branches, flows := r.branches(row)
	head := r.buf.String()
	r.buf.Reset()
	for i, b := range branches {
		if i > 0 {
			head = "   "
		}
		which := ""
		if len(b.flows) < flows || len(branches) > 1 {
			which = "flow " + ranges(b.flows)
		}
		// Extensions are at the end, where they do not move the columns.
		line := fmt.Sprintf("%s%-*s  %-*s  %s%s", head, r.Width, r.words(b), flowWidth, which, b.times(), r.extensions(b.hop))
		r.buf.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return r.write()
}

// flowWidth is how wide the column of flows is, if they fit.
const flowWidth = len("flow 0-2,4-5,7")

// branches groups the probes of a row by responder, those of flows that heard
// nothing at its end, and counts its flows.
func (r *Writer) branches(row Row) (branches []*branch, flows int) {
	mute, heard := new(branch), map[uint16]bool{}
	for _, p := range row.Probes {
		if p.Hop == nil {
			continue
		}
		heard[p.Flow] = true
		i := slices.IndexFunc(branches, func(b *branch) bool { return b.hop.Responder == p.Hop.Responder })
		if i < 0 {
			i, branches = len(branches), append(branches, &branch{hop: p.Hop})
		}
		b := branches[i]
		if !slices.Contains(b.flows, p.Flow) {
			b.flows = append(b.flows, p.Flow)
			r.seen(p.Flow, row.TTL, p.Hop.Responder)
		}
		b.rtts = append(b.rtts, p.Hop.RTT)
	}
	for _, p := range row.Probes {
		if !heard[p.Flow] && !slices.Contains(mute.flows, p.Flow) {
			mute.flows = append(mute.flows, p.Flow)
		}
	}
	flows = len(heard) + len(mute.flows)
	if len(mute.flows) > 0 {
		branches = append(branches, mute)
	}
	return branches, flows
}

// seen notes a step of a flow's path.
func (r *Writer) seen(flow uint16, ttl uint8, responder probe.Addr) {
	if r.paths[flow] == nil {
		r.paths[flow] = flowPath{}
	}
	if _, ok := r.paths[flow][ttl]; !ok {
		r.paths[flow][ttl] = responder
	}
}

// words returns the first column of b.
func (r *Writer) words(b *branch) string {
	if b.hop == nil {
		return " *"
	}
	part := Writer{Name: r.Name}
	part.responder(b.hop)
	return part.buf.String() + mark(b.hop)
}

// times returns the last column of b.
func (b *branch) times() string {
	if len(b.rtts) == 0 {
		return ""
	}
	sum := int64(0)
	for _, rtt := range b.rtts {
		sum += rtt
	}
	low, mean, high := slices.Min(b.rtts), sum/int64(len(b.rtts)), slices.Max(b.rtts)
	return fmt.Sprintf("%s/%s/%s ms", millis(low), millis(mean), millis(high))
}

// responder writes the address that answered, and its extensions.
func (r *Writer) responder(h *record.Hop) {
	addr := h.Source()
	if r.Name == nil {
		fmt.Fprintf(&r.buf, " %s", addr)
	} else {
		fmt.Fprintf(&r.buf, " %s (%s)", printable(r.Name(addr)), addr)
	}
	switch h.Kind {
	case probe.KindSYNACK:
		r.buf.WriteString(" [open]")
	case probe.KindRST:
		r.buf.WriteString(" [closed]")
	}
}

// extensions returns the extensions of an answer as text.
func (r *Writer) extensions(h *record.Hop) string {
	if h == nil || !r.Extensions {
		return ""
	}
	if text := extensionText(h.Ext); text != "" {
		return " <" + text + ">"
	}
	return ""
}

func (r *Writer) endLine() error {
	r.buf.WriteByte('\n')
	return r.write()
}

func (r *Writer) write() error {
	_, err := r.Out.Write(r.buf.Bytes())
	return err
}

func millis(ns int64) string {
	return fmt.Sprintf("%.3f", float64(ns)/float64(time.Millisecond))
}

// ranges writes ascending numbers as 0-2,5.
func ranges(numbers []uint16) string {
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		if i == j {
			parts = append(parts, fmt.Sprint(numbers[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", numbers[i], numbers[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// printable replaces all characters but printable ASCII, because others could control a
// terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// line writes a line.
func (r *Writer) line(format string, args ...any) error {
	r.buf.Reset()
	fmt.Fprintf(&r.buf, format, args...)
	return r.endLine()
}

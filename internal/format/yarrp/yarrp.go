// Package yarrp reads and writes the output of yarrp: a row of text for each reply.
package yarrp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// The columns of a row, separated by spaces; older versions lack the last, count. Lines
// that begin with # are of the header or trailer. rtt is in µs, or in ms if the header
// has that; 0 where it is not known (IPv6).
const (
	colTarget = iota
	colSec    // when the reply came, s and µs since the Unix epoch
	colUsec
	colType
	colCode
	colTTL
	colHop
	colRTT
	colReplyID
	colProbeSize
	colReplySize
	colReplyTTL
	colReplyTOS
)

// columns is how many a row has, with those of labels and of a count.
const columns = 15

// Format is rows of text.
var Format = format.Format{
	Name:      "yarrp",
	Endings:   []string{".yrp"},
	Begins:    begins,
	NewReader: func(in io.Reader) format.Reader { return NewReader(in) },
	NewWriter: func(o format.Output) format.Writer { return NewWriter(o) },
	Replies:   true,
	Lacks: []string{
		format.LacksMultipath,
		"the run and its summary", "stop reasons", "silent probes", "loops", "inferred hops", "flows", "attempts",
		"methods and sources that differ within a file", "replies without a TTL",
		"withheld and superseded replies", "times of probes", "times below 1 µs", "proofs and kinds of replies",
		"that replies are late or duplicates", "quotations", "next-hop MTUs", "protocols and TCP flags of replies",
		"EXP and S of MPLS labels", "extensions other than MPLS labels",
		format.LacksAnnotations,
	},
}

// traceTypes are the names of yarrp for the methods, of IPv4 and IPv6.
var traceTypes = [...][2]string{
	probe.UDP: {"UDP", "UDP6"}, probe.ICMP: {"ICMP", "ICMP6"},
	probe.TCPSYN: {"TCP_SYN", "TCP6_SYN"}, probe.TCPACK: {"TCP_ACK", "TCP6_ACK"},
}

// ip6Header is the length of an IPv6 header, which psize and rsize do not include.
const ip6Header = 40

// headers are keys of lines of the header that other files do not have.
var headers = []string{"RTT_Granularity", "Output_Fields", "Trace_Type", "Fill_Mode", "TTL_Nbrhd", "Dst_Port", "Max_TTL", "Min_TTL"}

// begins looks for a line of yarrp's header, or for a row after any other lines with #.
func begins(head []byte) bool {
	for line := range bytes.Lines(head) {
		text := strings.TrimSpace(string(line))
		comment, ok := strings.CutPrefix(text, "#")
		switch {
		case text == "":
		case !ok:
			return isRow(text)
		default:
			key, value, _ := strings.Cut(strings.TrimSpace(comment), ": ")
			if slices.Contains(headers, key) || key == "Program" && strings.HasPrefix(strings.ToLower(value), "yarrp") {
				return true
			}
		}
	}
	return false
}

// isRow reports whether a line has a target, a time and a hop where a row has them.
func isRow(line string) bool {
	c := strings.Fields(line)
	if len(c) != columns && len(c) != columns-1 {
		return false
	}
	_, err := format.ParseAddr(c[colTarget])
	_, errHop := format.ParseAddr(c[colHop])
	_, errSec := strconv.ParseUint(c[colSec], 10, 33)
	return errors.Join(err, errHop, errSec) == nil
}

// Reader reads replies. It is used by one goroutine at a time.
type Reader struct {
	lines *format.Lines
	unit  time.Duration // of rtt
	head  record.Head   // source, method and port by the header
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{lines: format.NewLines(in), unit: time.Microsecond, head: record.Head{Method: record.NoMethod}}
}

// Read implements format.Reader. Rows do not have the flow, nor how sure a reply is, and
// their labels are not read.
func (r *Reader) Read() (record.Record, error) {
	for {
		line, whole, err := r.lines.Next()
		if err != nil {
			return nil, err
		}
		if text, ok := strings.CutPrefix(string(line), "#"); ok {
			r.header(strings.Cut(strings.TrimSpace(text), ": "))
			continue
		}
		reply, err := parse(string(line), r.unit, r.head)
		switch {
		case err != nil && !whole:
			return nil, r.lines.Cut()
		case err != nil:
			return nil, r.lines.Fault(err)
		}
		return reply, nil
	}
}

// header takes a line of the header. Values that are not understood are ignored.
func (r *Reader) header(key, value string, _ bool) {
	switch key {
	case "RTT_Granularity":
		if r.unit = time.Microsecond; value == "ms" {
			r.unit = time.Millisecond
		}
	case "SourceIP":
		r.head.Source, _ = format.ParseAddr(value)
	case "Trace_Type":
		r.head.Method = record.NoMethod
		for m, names := range traceTypes {
			if value == names[0] || value == names[1] {
				r.head.Method = probe.Method(m)
			}
		}
	case "Dst_Port":
		port, _ := strconv.ParseUint(value, 10, 16)
		r.head.DstPort = uint16(port)
	}
}

// parse returns the reply of a row, to a probe of head.
func parse(line string, unit time.Duration, head record.Head) (*record.Reply, error) {
	c := strings.Fields(line)
	if len(c) != columns && len(c) != columns-1 {
		return nil, fmt.Errorf("%d columns instead of %d", len(c), columns)
	}
	target, err := format.ParseAddr(c[colTarget])
	if err != nil {
		return nil, err
	}
	hop, err := format.ParseAddr(c[colHop])
	if err != nil {
		return nil, err
	}
	var n format.Numbers
	r := &record.Reply{Head: head}
	r.Head.Target, r.ProbeSize = target, int(n.Uint("psize", c[colProbeSize], 16))
	if r.Head.Source.Is4() != target.Is4() {
		r.Source = probe.Addr{}
	}
	h := &r.Hop
	h.Target, h.TTL, h.Responder = target, uint8(n.Uint("ttl", c[colTTL], 8)), hop
	h.Stamp = int64(n.Uint("sec", c[colSec], 33)*1e9 + n.Uint("usec", c[colUsec], 20)*1e3)
	h.Protocol = probe.ICMP.Protocol(hop.Is4())
	h.Type, h.Code = uint8(n.Uint("type", c[colType], 8)), uint8(n.Uint("code", c[colCode], 8))
	h.ReplyID, h.ReplySize = uint16(n.Uint("ipid", c[colReplyID], 16)), uint32(n.Uint("rsize", c[colReplySize], 16))
	h.ReplyTTL, h.ReplyTOS = uint8(n.Uint("rttl", c[colReplyTTL], 8)), uint8(n.Uint("rtos", c[colReplyTOS], 8))
	h.Lacks = record.LacksAttempt | record.LacksKind | record.LacksValid | record.LacksExt
	if target.Is6() {
		r.ProbeSize, h.ReplySize = r.ProbeSize+ip6Header, h.ReplySize+ip6Header
	}
	rtt, err := strconv.ParseInt(c[colRTT], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("rtt %q is not a number", c[colRTT])
	}
	if rtt > 0 && rtt < 1<<32 { // its clock wraps there
		h.RTT = rtt * int64(unit)
		h.Lacks |= record.LacksSent
	}
	if n.Err != nil {
		return nil, n.Err
	}
	return r, nil
}

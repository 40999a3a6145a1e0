// Package yarrp reads the output of yarrp: a row of text for each reply.
package yarrp

import (
	"bytes"
	"fmt"
	"io"
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
	Replies:   true,
	Begins:    begins,
	NewReader: func(in io.Reader) format.Reader { return NewReader(in) },
}

func begins(head []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimSpace(head), []byte("\n"))
	return bytes.HasPrefix(line, []byte("#")) || len(bytes.Fields(line)) >= columns-1
}

// Reader reads replies. It is used by one goroutine at a time.
type Reader struct {
	lines *format.Lines
	unit  time.Duration // of rtt
}

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader {
	return &Reader{lines: format.NewLines(in), unit: time.Microsecond}
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
			if key, value, _ := strings.Cut(strings.TrimSpace(text), ": "); key == "RTT_Granularity" && value == "ms" {
				r.unit = time.Millisecond
			}
			continue
		}
		reply, err := parse(string(line), r.unit)
		switch {
		case err != nil && !whole:
			return nil, r.lines.Cut()
		case err != nil:
			return nil, r.lines.Fault(err)
		}
		return reply, nil
	}
}

// parse returns the reply of a row.
func parse(line string, unit time.Duration) (*record.Reply, error) {
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
	r := &record.Reply{Head: record.Head{Target: target, Method: record.NoMethod, ProbeSize: int(n.Uint("psize", c[colProbeSize], 16))}}
	h := &r.Hop
	h.Target, h.TTL, h.Responder = target, uint8(n.Uint("ttl", c[colTTL], 8)), hop
	h.Stamp = int64(n.Uint("sec", c[colSec], 33)*1e9 + n.Uint("usec", c[colUsec], 20)*1e3)
	h.Protocol = probe.ICMP.Protocol(hop.Is4())
	h.Type, h.Code = uint8(n.Uint("type", c[colType], 8)), uint8(n.Uint("code", c[colCode], 8))
	h.ReplyID, h.ReplySize = uint16(n.Uint("ipid", c[colReplyID], 16)), uint32(n.Uint("rsize", c[colReplySize], 32))
	h.ReplyTTL, h.ReplyTOS = uint8(n.Uint("rttl", c[colReplyTTL], 8)), uint8(n.Uint("rtos", c[colReplyTOS], 8))
	h.Lacks = record.LacksAttempt | record.LacksKind | record.LacksValid | record.LacksExt
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

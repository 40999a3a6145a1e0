// Package caracal reads and writes the CSV of caracal, diamond-miner and Iris: a row for each
// reply.
package caracal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// The columns of a row; the first line may be their names. caracal has IPv4 addresses as
// ::ffff:a.b.c.d, our rows as a.b.c.d. rtt is in 0.1 ms. The port of an echo is its checksum.
const (
	colStamp = iota // s since the Unix epoch
	colProtocol
	colSource
	colTarget
	colSrcPort
	colDstPort
	colTTL
	colQuotedTTL
	colFrom
	colReplyProtocol
	colType
	colCode
	colReplyTTL
	colReplySize
	colLabels // [(label, EXP, S, TTL), …]
	colRTT
	colRound
	columns
)

const rttUnit = 100_000 // ns

// Format is CSV.
var Format = format.Format{
	Name:      "caracal",
	Endings:   []string{".csv"},
	Begins:    begins,
	NewReader: func(in io.Reader) format.Reader { return NewReader(in) },
	NewWriter: func(o format.Output) format.Writer { return NewWriter(o) },
	Replies:   true,
	Lacks: []string{
		format.LacksMultipath,
		"the run and its summary", "stop reasons", "silent probes", "loops", "inferred hops", "numbers of flows",
		"flow labels", "attempts", "replies without a TTL", "withheld and superseded replies", "times of probes",
		"times of replies below 1 s", "round-trip times below 0.1 ms or above 6.5 s",
		"proofs and kinds of replies", "that replies are late or duplicates", "TOS", "IP identifications",
		"next-hop MTUs", "TCP flags", "extensions other than MPLS labels",
		format.LacksAnnotations,
	},
}

// firstName is the name of the first column.
const firstName = "capture_timestamp"

// begins looks for the names of the columns, or for a row that has the addresses where a row has
// them. The columns after them may be cut.
func begins(head []byte) bool {
	text, _, _ := bytes.Cut(bytes.TrimSpace(head), []byte("\n"))
	line := string(text)
	if strings.HasPrefix(line, firstName) {
		return strings.Count(line, ",") >= columns-1
	}
	c := strings.Split(line, ",")
	if len(c) < columns {
		return false
	}
	_, errSource := netip.ParseAddr(c[colSource])
	_, errTarget := format.ParseAddr(c[colTarget])
	_, errFrom := format.ParseAddr(c[colFrom])
	_, errStamp := strconv.ParseUint(c[colStamp], 10, 64)
	return errors.Join(errSource, errTarget, errFrom, errStamp) == nil
}

// Reader reads replies. It is used by one goroutine at a time.
type Reader struct{ lines *format.Lines }

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader { return &Reader{format.NewLines(in)} }

// Read implements format.Reader.
func (r *Reader) Read() (record.Record, error) {
	for {
		line, whole, err := r.lines.Next()
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(line, []byte(firstName+",")) {
			continue
		}
		reply, err := parse(string(line))
		switch {
		case err != nil && !whole:
			return nil, r.lines.Cut()
		case err != nil:
			return nil, r.lines.Fault(err)
		}
		return reply, nil
	}
}

// split cuts a row into its columns (RFC 4180). No column has a quotation mark inside.
func split(line string, c *[columns]string) error {
	n := 0
	for more := true; more; n++ {
		var field string
		if rest, quoted := strings.CutPrefix(line, `"`); quoted {
			field, line, more = strings.Cut(rest, `"`)
			if !more || line != "" && line[0] != ',' {
				return errors.New("not a line of CSV: a quotation mark is missing, or is inside a column")
			}
			line, more = strings.CutPrefix(line, ",")
		} else {
			field, line, more = strings.Cut(line, ",")
		}
		if n < columns {
			c[n] = field
		}
	}
	if n != columns {
		return fmt.Errorf("%d columns instead of %d", n, columns)
	}
	return nil
}

// parse returns the reply of a row.
func parse(line string) (*record.Reply, error) {
	var c [columns]string
	err := split(line, &c)
	if err != nil {
		return nil, err
	}
	r := new(record.Reply)
	h := &r.Hop
	if r.Head.Target, err = format.ParseAddr(c[colTarget]); err != nil {
		return nil, err
	}
	if h.Responder, err = format.ParseAddr(c[colFrom]); err != nil {
		return nil, err
	}
	r.Source, _ = format.ParseAddr(c[colSource]) // :: where it is not known
	var n format.Numbers
	octet := func(name string, column int) uint8 { return uint8(n.Uint(name, c[column], 8)) }
	r.Method = record.MethodOf(octet("probe_protocol", colProtocol))
	r.Head.Flow.Value, r.DstPort = uint16(n.Uint("probe_src_port", c[colSrcPort], 16)), uint16(n.Uint("probe_dst_port", c[colDstPort], 16))
	h.Target, h.TTL = r.Head.Target, octet("probe_ttl", colTTL)
	if h.QuotedTTL = octet("quoted_ttl", colQuotedTTL); h.QuotedTTL > 0 { // 0: no quotation
		h.HasQuote = true
	}
	h.Protocol, h.Type, h.Code = octet("reply_protocol", colReplyProtocol), octet("reply_icmp_type", colType), octet("reply_icmp_code", colCode)
	h.ReplyTTL, h.ReplySize = octet("reply_ttl", colReplyTTL), uint32(n.Uint("reply_size", c[colReplySize], 16))
	h.Stamp = int64(n.Uint("capture_timestamp", c[colStamp], 33)) * 1e9
	h.RTT = int64(n.Uint("rtt", c[colRTT], 16)) * rttUnit
	h.Lacks = record.LacksSent | record.LacksAttempt | record.LacksKind | record.LacksValid
	h.Ext = extension(c[colLabels], &n)
	if n.Err != nil {
		return nil, n.Err
	}
	return r, nil
}

// extension returns an extension structure with the labels of a list, nil if there are
// none.
func extension(list string, n *format.Numbers) []byte {
	var stack []byte
	list = strings.Trim(list, "[] ")
	for len(list) > 0 {
		var entry string
		entry, list, _ = strings.Cut(strings.TrimLeft(list, " ,("), ")")
		f := strings.Split(entry, ",")
		if len(f) != 4 {
			n.Fail("reply_mpls_labels", entry)
			return nil
		}
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		stack = wire.Label{
			Label: uint32(n.Uint("label", f[0], 20)), EXP: uint8(n.Uint("EXP", f[1], 3)),
			S: uint8(n.Uint("S", f[2], 1)), TTL: uint8(n.Uint("TTL of a label", f[3], 8)),
		}.AppendTo(stack)
	}
	if stack == nil {
		return nil
	}
	return wire.AppendExtension(nil, wire.Object{Class: wire.ClassMPLS, CType: wire.CTypeIncomingMPLS, Payload: stack})
}

package verify

import (
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/probe"
)

// Columns of caracal's CSV. The first line may be their names. IPv4 addresses
// are written as ::ffff:a.b.c.d, rtt in 0.1 ms.
const (
	caracalProtocol  = 1
	caracalDst       = 3
	caracalSrcPort   = 4
	caracalDstPort   = 5
	caracalTTL       = 6
	caracalQuotedTTL = 7
	caracalFrom      = 8
	caracalReplyTTL  = 12
	caracalRTT       = 15
	caracalColumns   = 17

	caracalUnit = 100_000 // ns
)

// caracalLine reads a line.
func (c *checker) caracalLine(line string) error {
	if strings.HasPrefix(line, "capture_timestamp,") || strings.TrimSpace(line) == "" {
		return nil
	}
	q, s, err := parseCaracal(line)
	if err != nil {
		return err
	}
	c.row(&q, &s)
	return nil
}

// parseCaracal reads a row.
func parseCaracal(line string) (q claim, s selector, err error) {
	columns, err := csv.NewReader(strings.NewReader(line)).Read()
	if err != nil {
		return claim{}, selector{}, fmt.Errorf("no line of CSV: %w", err)
	}
	if len(columns) != caracalColumns {
		return claim{}, selector{}, fmt.Errorf("%d columns, not %d", len(columns), caracalColumns)
	}
	q = unsaid()
	number := func(name string, column, bits int) (v uint64) {
		if err == nil {
			if v, err = strconv.ParseUint(columns[column], 10, bits); err != nil {
				err = fmt.Errorf("%s %q is no number of %d bits", name, columns[column], bits)
			}
		}
		return v
	}
	address := func(column int) (a probe.Addr) {
		if err == nil {
			a, err = parseAddr(columns[column])
		}
		return a
	}
	q.dst, q.from = address(caracalDst), address(caracalFrom)
	q.ttl = uint8(number("probe_ttl", caracalTTL, 8))
	q.replyTTL = uint8(number("reply_ttl", caracalReplyTTL, 8))
	if quoted := number("quoted_ttl", caracalQuotedTTL, 8); quoted > 0 { // 0 where nothing is quoted, too
		q.quotedTTL = int(quoted)
	}
	q.rttNS = int64(number("rtt", caracalRTT, 16)) * caracalUnit
	s.proto = uint8(number("probe_protocol", caracalProtocol, 8))
	s.sport, s.dport = uint16(number("probe_src_port", caracalSrcPort, 16)), uint16(number("probe_dst_port", caracalDstPort, 16))
	s.ports, s.sum, s.isSum = true, s.sport, true // of an echo the port is the checksum
	if err != nil {
		return claim{}, selector{}, err
	}
	return q, s, nil
}

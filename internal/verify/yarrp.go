package verify

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/probe"
)

// A row of yarrp's text, separated by spaces; older versions lack the last:
//
//	target sec usec type code ttl hop rtt ipid psize rsize rttl rtos mpls count
//
// Lines that begin with # are of the header or trailer. rtt is in µs, or in ms
// if the header says so; 0 where it is not known (IPv6).
const (
	yarrpColumns  = 15
	yarrpTarget   = 0
	yarrpTTL      = 5
	yarrpHop      = 6
	yarrpRTT      = 7
	yarrpReplyTTL = 11
)

// yarrpLine returns what reads a line; it remembers what the header said.
func (c *checker) yarrpLine() func(line string) error {
	unit := int64(1e3)
	return func(line string) error {
		if text, ok := strings.CutPrefix(line, "#"); ok {
			if key, value, _ := strings.Cut(strings.TrimSpace(text), ": "); key == "RTT_Granularity" && value == "ms" {
				unit = 1e6
			}
			return nil
		}
		if strings.TrimSpace(line) == "" {
			return nil
		}
		q, err := parseYarrp(line, unit)
		if err != nil {
			return err
		}
		c.row(&q, &selector{})
		return nil
	}
}

// parseYarrp reads a row. unit is that of rtt, ns.
func parseYarrp(line string, unit int64) (claim, error) {
	columns := strings.Fields(line)
	if len(columns) != yarrpColumns && len(columns) != yarrpColumns-1 {
		return claim{}, fmt.Errorf("%d columns, not %d", len(columns), yarrpColumns)
	}
	q := unsaid()
	var err error
	if q.dst, err = parseAddr(columns[yarrpTarget]); err != nil {
		return claim{}, err
	}
	if q.from, err = parseAddr(columns[yarrpHop]); err != nil {
		return claim{}, err
	}
	if q.ttl, err = parseOctet("ttl", columns[yarrpTTL]); err != nil {
		return claim{}, err
	}
	if q.replyTTL, err = parseOctet("rttl", columns[yarrpReplyTTL]); err != nil {
		return claim{}, err
	}
	rtt, err := strconv.ParseInt(columns[yarrpRTT], 10, 64)
	if err != nil {
		return claim{}, fmt.Errorf("rtt %q is no number", columns[yarrpRTT])
	}
	if rtt > 0 && rtt < 1<<32 { // its clock wraps there
		q.rttNS = rtt * unit
	}
	return q, nil
}

// unsaid returns a claim that says nothing.
func unsaid() claim { return claim{rttNS: -1, attempt: -1, quotedTTL: -1, labels: -1} }

func parseAddr(s string) (probe.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a == netip.IPv6Unspecified() { // which stands for none with us
		return probe.Addr{}, fmt.Errorf("%q is no address", s)
	}
	return probe.AddrFrom(a), nil
}

func parseOctet(name, s string) (uint8, error) {
	v, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("%s %q is not from 0 to 255", name, s)
	}
	return uint8(v), nil
}

package annotate

import (
	"bufio"
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// CAIDA's RouteViews Prefix-to-AS mappings (pfx2as), IPv4 and IPv6: a line has an address, the
// length of the prefix, and its origins, with tabs between them.
//
//	1.0.0.0	24	13335
//	1.2.0.0	16	4788_9930	several origins (MOAS)
//	1.3.0.0	16	4788,9930	an AS set

// mostOrigins is how many origins a prefix may have.
const mostOrigins = 1000

// isPfx2as reports whether a text begins like such a file.
func isPfx2as(head []byte) bool {
	_, origins, err := parsePfx2as(firstLine(head))
	return err == nil && origins != nil
}

// parsePfx2as returns the prefix of a line, and the text of its origins.
func parsePfx2as(line []byte) (netip.Prefix, []byte, error) {
	fields := bytes.Fields(line)
	if len(fields) != 3 {
		return netip.Prefix{}, nil, fmt.Errorf("it has %d columns, not address, length and origins", len(fields))
	}
	a, err := netip.ParseAddr(string(fields[0]))
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, nil, fmt.Errorf("%.60q is not an address", fields[0])
	}
	bits, err := strconv.Atoi(string(fields[1]))
	if err != nil || bits < 0 || bits > a.BitLen() {
		return netip.Prefix{}, nil, fmt.Errorf("%.60q is not the length of a prefix of %s", fields[1], a)
	}
	return netip.PrefixFrom(a, bits), fields[2], nil
}

// readPfx2as reads the prefixes of such a file.
func readPfx2as(in *bufio.Reader) (*content, error) {
	var p prefixes
	entries := map[string]*entry{} // by the text of the origins
	err := eachLine(in, func(line []byte) error {
		prefix, text, err := parsePfx2as(line)
		if err != nil {
			return err
		}
		e := entries[string(text)]
		if e == nil {
			origins, err := parseOrigins(text)
			if err != nil {
				return err
			}
			e = &entry{asn: origins}
			entries[string(text)] = e
		}
		return p.add(prefix, e)
	})
	if err != nil {
		return nil, err
	}
	return &content{kind: kindPfx2as, fields: Origin, finder: &p}, nil
}

// parseOrigins parses numbers between _ and , and leaves out copies.
func parseOrigins(text []byte) (list []uint32, err error) {
	for part := range bytes.FieldsFuncSeq(text, func(r rune) bool { return r == '_' || r == ',' || r == '{' || r == '}' }) {
		n, err := strconv.ParseUint(string(part), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%.60q is not a list of AS numbers", text)
		}
		if !slices.Contains(list, uint32(n)) {
			list = append(list, uint32(n))
		}
		if len(list) > mostOrigins {
			return nil, fmt.Errorf("a prefix with more than %d origins", mostOrigins)
		}
	}
	if list == nil {
		return nil, fmt.Errorf("%.60q is not a list of AS numbers", text)
	}
	return list, nil
}

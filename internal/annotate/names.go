package annotate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// A file of names: a line has an address or a prefix, then its name. Lines with a comma after the
// address have the name up to their end; others have words, as hosts(5), whose first is the name.
//
//	192.0.2.1    core1.example.net core1
//	192.0.2.1,Core 1
//	2001:db8::/32,Example

// isNames reports whether a text begins like such a file, perhaps with the names of its columns.
func isNames(head []byte) bool {
	line := firstLine(head)
	if isColumns(line) {
		return true
	}
	_, _, err := parseName(line)
	return err == nil
}

// isColumns reports whether a line has the names of the columns.
func isColumns(line []byte) bool {
	first, _, comma := bytes.Cut(line, []byte(","))
	switch strings.ToLower(string(bytes.TrimSpace(first))) {
	case "address", "addr", "ip", "prefix":
		return comma
	}
	return false
}

// readNames reads the names of such a file.
func readNames(in *bufio.Reader) (*content, error) {
	var p prefixes
	first := true
	err := eachLine(in, func(line []byte) error {
		if first {
			if first = false; isColumns(line) {
				return nil
			}
		}
		prefix, name, err := parseName(line)
		if err != nil {
			return err
		}
		return p.add(prefix, &entry{name: name})
	})
	if err != nil {
		return nil, err
	}
	return &content{kind: kindNames, fields: Name, finder: &p}, nil
}

// parseName parses a line.
func parseName(line []byte) (p netip.Prefix, name string, err error) {
	end := bytes.IndexAny(line, ", \t;")
	if end < 0 {
		return p, "", errors.New("it has no name after the address")
	}
	text, rest := string(line[:end]), bytes.TrimSpace(line[end:])
	if p, err = netip.ParsePrefix(text); err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return p, "", fmt.Errorf("%.60q is not an address or a prefix", text)
		}
		a = a.WithZone("")
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if len(rest) > 0 && (rest[0] == ',' || rest[0] == ';') {
		rest = bytes.TrimSpace(rest[1:])
		if n := len(rest); n > 1 && rest[0] == '"' && rest[n-1] == '"' {
			rest = bytes.ReplaceAll(rest[1:n-1], []byte(`""`), []byte(`"`))
		}
	} else {
		rest, _, _ = bytes.Cut(rest, []byte("#"))
		if words := bytes.Fields(rest); len(words) > 0 {
			rest = words[0]
		}
	}
	if len(rest) == 0 {
		return p, "", errors.New("it has no name after the address")
	}
	return p, short(string(rest)), nil
}

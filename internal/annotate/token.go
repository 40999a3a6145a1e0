package annotate

import (
	"bytes"
	"net/netip"
	"strings"
)

// inToken are the octets of words that an address can be part of, or stand in.
var inToken = func() (t [256]bool) {
	for _, c := range "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:_-%" {
		t[c] = true
	}
	for c := 0x80; c < 0x100; c++ { // letters of other scripts
		t[c] = true
	}
	return t
}()

// scanAddr looks at the next word from at on. It returns its address, the end of the address with
// its port and brackets, and the end of the word. Without an address that is not valid.
func scanAddr(line []byte, at int) (addr netip.Addr, behind, next int) {
	for at < len(line) && !inToken[line[at]] {
		at++
	}
	start := at
	for at < len(line) && inToken[line[at]] {
		at++
	}
	if at-start < 3 || versioned(line[:start]) {
		return addr, at, at
	}
	word := line[start:at]
	end := len(word) - len(bytes.TrimRight(word, ".:-"))
	addr, length := parseWord(word[:len(word)-end], line[:start], line[at-end:])
	if !addr.IsValid() && end > 0 { // 2001:db8::
		if addr, length = parseWord(word, line[:start], line[at:]); addr.IsValid() {
			end = 0
		}
	}
	if !addr.IsValid() {
		return addr, at, at
	}
	behind = start + length
	return addr, behind + suffix(line[start-min(start, 1):start], line[behind:]), max(at, behind)
}

// versioned reports whether the text before a word is that of a version: Chrome/ or "version ".
func versioned(before []byte) bool {
	if bytes.HasSuffix(before, []byte("/")) {
		return !bytes.HasSuffix(before, []byte("//"))
	}
	trimmed := bytes.TrimRight(before, " ")
	return len(trimmed) < len(before) && (hasSuffixFold(trimmed, "version") || hasSuffixFold(trimmed, "release"))
}

func hasSuffixFold(b []byte, suffix string) bool {
	return len(b) >= len(suffix) && strings.EqualFold(string(b[len(b)-len(suffix):]), suffix)
}

// parseWord returns the address of a word and the length of its text, with its port. The forms are
// 192.0.2.1, 192.0.2.1:80, 2001:db8::1 and 2001:db8::1%eth0, and of tcpdump 192.0.2.1.80.
func parseWord(word, before, after []byte) (a netip.Addr, length int) {
	if len(word) > 100 || len(word) < 2 {
		return a, 0
	}
	text := string(word)
	if a, err := netip.ParseAddr(text); err == nil {
		if isMAC(text) {
			return netip.Addr{}, 0
		}
		return a.WithZone(""), len(word)
	}
	if host, port, ok := strings.Cut(text, ":"); ok && isPort(port) {
		if a, err := netip.ParseAddr(host); err == nil && a.Is4() {
			return a, len(word)
		}
	}
	if dot := strings.LastIndexByte(text, '.'); dot > 0 && isTcpdump(before, after) {
		if a, err := netip.ParseAddr(text[:dot]); err == nil && isService(text[dot+1:]) {
			return a.WithZone(""), len(word)
		}
	}
	return a, 0
}

// isTcpdump reports whether a word is the source or the destination in a line of tcpdump, with " > "
// between them.
func isTcpdump(before, after []byte) bool {
	return bytes.HasPrefix(after, []byte(" > ")) || bytes.HasSuffix(before, []byte(" > "))
}

// isService reports whether a text is a port, or the name of one as tcpdump writes it.
func isService(s string) bool {
	if isPort(s) {
		return true
	}
	for _, c := range s {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

// isPort reports whether a text is a port.
func isPort(s string) bool {
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
		if n = 10*n + int(c-'0'); n > 65535 {
			return false
		}
	}
	return s != ""
}

// isMAC reports whether a text that is an IPv6 address is rather one of hardware: eight pairs of
// digits (EUI-64).
func isMAC(s string) bool {
	if len(s) != 8*2+7 {
		return false
	}
	for i := 2; i < len(s); i += 3 {
		if s[i] != ':' {
			return false
		}
	}
	return true
}

// suffix returns how many octets after an address belong to it: its bracket, a port after that, and
// the length of a prefix. before is the octet in front of it.
func suffix(before, rest []byte) (n int) {
	if len(before) == 0 || len(rest) == 0 {
		return prefixLen(rest)
	}
	n = prefixLen(rest)
	closes := map[byte]byte{'(': ')', '[': ']', '<': '>', '{': '}'}[before[0]]
	if closes == 0 || n == len(rest) || rest[n] != closes {
		return n
	}
	n++
	if closes == ']' && n < len(rest) && rest[n] == ':' {
		digits := len(rest[n+1:]) - len(bytes.TrimLeft(rest[n+1:], "0123456789"))
		if digits > 0 && isPort(string(rest[n+1:n+1+digits])) {
			n += 1 + digits
		}
	}
	return n
}

// prefixLen returns the length of /24 and the like at the begin of a text.
func prefixLen(rest []byte) int {
	if len(rest) < 2 || rest[0] != '/' {
		return 0
	}
	digits := len(rest[1:]) - len(bytes.TrimLeft(rest[1:], "0123456789"))
	if digits < 1 || digits > 3 || 1+digits < len(rest) && (inToken[rest[1+digits]] && rest[1+digits] != '.' && rest[1+digits] != ':') {
		return 0
	}
	return 1 + digits
}

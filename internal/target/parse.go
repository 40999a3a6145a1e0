package target

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/probe"
)

// An entry is the parsed form of one line or argument.
type entry struct {
	span
	is6      bool // needed because ::ffff:0:0/96 has the same numbers as IPv4
	single   bool // one address, listed by itself
	hostBits bool // a prefix had host bits set, which are now masked
}

var errMapped = errors.New("IPv4-mapped IPv6 address: write it as IPv4")

// mapped is ::ffff:0:0/96, the place of IPv4 in the sets.
var mapped = span{u128{Lo: prefix4}, u128{Lo: prefix4 | 0xffffffff}}

// parseEntry parses an address, a prefix (address/length) or a range
// (address-address, both ends included), without spaces around it.
func parseEntry(s string) (e entry, err error) {
	if strings.Contains(s, "://") {
		return entry{}, fmt.Errorf("%s is a URL: give its host alone", quote(s))
	}
	if ip, length, ok := strings.Cut(s, "/"); ok {
		return parsePrefix(ip, length)
	}
	from, to, isRange := strings.Cut(s, "-")
	first, err := parseAddr(strings.TrimSpace(from))
	if err != nil {
		return entry{}, err
	}
	last := first
	if isRange {
		if last, err = parseAddr(strings.TrimSpace(to)); err != nil {
			return entry{}, err
		}
		if first.Is4() != last.Is4() {
			return entry{}, errors.New("range mixes IPv4 and IPv6")
		}
	}
	if first.Is4In6() || last.Is4In6() {
		return entry{}, errMapped
	}
	e.span = span{number(first), number(last)}
	if e.hi.Less(e.lo) {
		return entry{}, fmt.Errorf("range ends before it begins: %s is less than %s", last, first)
	}
	e.is6, e.single = first.Is6(), e.lo == e.hi
	return e, nil
}

func parsePrefix(ip, length string) (e entry, err error) {
	a, err := parseAddr(ip)
	if err != nil {
		return entry{}, err
	}
	bits, err := strconv.ParseUint(length, 10, 8)
	if err != nil || length[0] == '+' || len(length) > 1 && length[0] == '0' {
		return entry{}, fmt.Errorf("%s is not a prefix length", quote(length))
	}
	if bits > uint64(a.BitLen()) {
		return entry{}, fmt.Errorf("prefix length %d is over %d", bits, a.BitLen())
	}
	e = prefixEntry(netip.PrefixFrom(a, int(bits)))
	if a.Is4In6() && bits >= 96 && (e.span != mapped || e.hostBits) {
		return entry{}, errMapped
	}
	return e, nil
}

func prefixEntry(p netip.Prefix) (e entry) {
	a := p.Addr()
	host := lowBits(uint(a.BitLen() - p.Bits()))
	v := number(a)
	e.lo, e.hi = v.AndNot(host), v.Or(host)
	e.is6, e.single, e.hostBits = a.Is6(), e.lo == e.hi, e.lo != v
	return e
}

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		if p, ok := netip.ParseAddrPort(s); ok == nil {
			return a, fmt.Errorf("%s has a port: give the address alone, %s", quote(s), p.Addr())
		}
		if inner := strings.Trim(s, "[]"); inner != s {
			return a, fmt.Errorf("%s has brackets: give the address alone", quote(s))
		}
		if isName(s) {
			return a, fmt.Errorf("%s is a name and not an address: resolve it first", quote(s))
		}
		return a, fmt.Errorf("%s is not an address%s", quote(s), notAddress(err, s))
	}
	if a.Zone() != "" {
		return a, fmt.Errorf("%s has a zone", quote(s))
	}
	return a, nil
}

// notAddress returns the cause of err, after a colon, if s does not show it: s is not an address.
// Causes that describe the steps of the parser are left out.
func notAddress(err error, s string) string {
	cause := strings.TrimPrefix(err.Error(), "ParseAddr("+strconv.Quote(s)+"): ")
	if strings.HasPrefix(cause, "IPv4 ") || strings.HasPrefix(cause, "unexpected character") {
		return ": " + shorten(cause)
	}
	return ""
}

func number(a netip.Addr) u128 { return fromAddr(probe.AddrFrom(a)) }

func quote(s string) string { return strconv.Quote(shorten(s)) }

// shorten limits the length of the text that a message quotes.
func shorten(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}

package traceroute

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/plan"
)

// plainHost returns a host as a name or an address. It takes the brackets off an IPv6 address. It
// refuses prefixes, URLs, ports and numbers; the error states the right form.
func plainHost(host string) (string, error) {
	if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		return strings.TrimSuffix(inner, "]"), nil
	}
	if strings.Contains(host, "://") {
		if u, err := url.Parse(host); err == nil && u.Hostname() != "" {
			return "", plan.Refuse("Hosts", "%s is a URL: give its host, %s", host, u.Hostname())
		}
	}
	if _, err := netip.ParsePrefix(host); err == nil {
		return "", plan.Refuse("Hosts", "%s is a prefix: use masstrace scan %s", host, host)
	}
	if name, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err == nil && name != "" {
			return "", plan.Refuse("Hosts", "%s has a port: use masstrace trace -p %s %s", host, port, name)
		}
	}
	if _, err := strconv.ParseUint(host, 10, 32); err == nil {
		return "", plan.Refuse("Hosts", "%s is a number and no host; the length of probes cannot be set", host)
	}
	return host, nil
}

package traceroute

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/target"
)

// host is a host of the request.
type host struct {
	name string
	at   string // the line of a list: "file:line: ", else ""
	err  error  // why it cannot be traced: the list cannot be read
}

// hosts yields the hosts of the arguments and of the lists, until yield returns false. A list that
// cannot be read any further yields its error.
func (c *Config) hosts(yield func(host) bool) {
	for _, name := range c.Hosts {
		if !yield(host{name: name}) {
			return
		}
	}
	for _, list := range c.Lists {
		goes, hosts := true, 0
		err := target.EachLine(list.Name, list.In, func(line string, n int) error {
			hosts++
			goes = yield(host{name: line, at: fmt.Sprintf("%s:%d: ", list.Name, n)})
			if !goes {
				return errEnough
			}
			return nil
		})
		if goes && err == nil && hosts == 0 {
			err = plan.Refuse("Lists", "%s has no host", list.Name)
		}
		if !goes || err != nil && !yield(host{err: err}) {
			return
		}
	}
}

var errEnough = errors.New("enough")

// several reports whether there may be more than one host.
func (c *Config) several() bool { return len(c.Hosts) > 1 || len(c.Lists) > 0 }

// CheckHost returns an error if a text has the form of something other than a host. That is a prefix,
// a range, a URL, a host with a port, or the packet length of traceroute(8). The error names a
// replacement. An address may have brackets.
func CheckHost(text string) error {
	refuse := func(format string, args ...any) error { return plan.Refuse("Hosts", format, args...) }
	if _, err := netip.ParseAddr(text); err == nil {
		return nil
	}
	if strings.ContainsAny(text, " \t,;") {
		return refuse("%q has more than one word: give one host in each argument or line", text)
	}
	if u, err := url.Parse(text); err == nil && u.Scheme != "" && u.Hostname() != "" {
		return refuse("%q is a URL: give the host alone, %s", text, u.Hostname())
	}
	if strings.Contains(text, "/") {
		if _, err := netip.ParsePrefix(text); err == nil {
			return refuse("%s is a prefix: use masstrace scan, or give one address of it", text)
		}
		return refuse("%q is neither a name nor an address: of a URL, give the host alone", text)
	}
	if inner, ok := strings.CutPrefix(text, "["); ok {
		inner, rest, closed := strings.Cut(inner, "]")
		switch _, err := netip.ParseAddr(inner); {
		case closed && rest == "" && err == nil:
			return nil
		case closed && strings.HasPrefix(rest, ":"):
			return refuse("%q has a port: give the host alone, %s%s", text, inner, portHint(rest))
		}
	}
	if name, port, ok := strings.Cut(text, ":"); ok && !strings.Contains(port, ":") {
		return refuse("%q has a port: give the host alone, %s%s", text, name, portHint(":"+port))
	}
	if strings.Trim(text, "0123456789") == "" {
		return refuse("%q is a number, not a host: the length of packets cannot be set", text)
	}
	if _, _, ok := strings.Cut(text, "-"); ok && isRange(text) {
		return refuse("%s is a range: use masstrace scan, or give one address of it", text)
	}
	return nil
}

// portHint returns how to choose the port of ":port".
func portHint(port string) string {
	if len(port) < 2 {
		return ""
	}
	return ", and the port as -p " + port[1:]
}

// isRange reports whether a text is two addresses with a dash between them.
func isRange(text string) bool {
	from, to, _ := strings.Cut(text, "-")
	_, errFrom := netip.ParseAddr(from)
	_, errTo := netip.ParseAddr(to)
	return errFrom == nil && errTo == nil
}

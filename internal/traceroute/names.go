package traceroute

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/plan"
	"golang.org/x/net/idna"
)

// Bounds of look-ups: a trace is not to wait for names.
const (
	hostWait = 10 * time.Second
	nameWait = time.Second
)

// resolve returns the address of a host, the one that the system prefers.
func resolve(ctx context.Context, c *Config, host string) (netip.Addr, error) {
	if err := CheckHost(host); err != nil {
		return netip.Addr{}, err
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if a, err := netip.ParseAddr(host); err == nil {
		a = a.Unmap()
		if a.Is4() && c.Family == IPv6 || a.Is6() && c.Family == IPv4 {
			return netip.Addr{}, plan.Refuse("Hosts", "%s is an address of the other family (-4 or -6)", host)
		}
		return a, sourceFits(c, a)
	}
	ctx, cancel := context.WithTimeout(ctx, hostWait)
	defer cancel()
	family := c.Family
	if family == AnyFamily && c.Source.IsValid() {
		family = IPv6
		if c.Source.Is4() {
			family = IPv4
		}
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, string(family), asciiName(host))
	if err != nil {
		return netip.Addr{}, err // which names the host
	}
	a := all[0].Unmap()
	return a, sourceFits(c, a)
}

// asciiName returns the form of a host name that the DNS has: bücher.example is
// xn--bcher-kva.example (RFC 5891).
func asciiName(host string) string {
	name, err := idna.Lookup.ToASCII(host)
	if err != nil {
		return host // the DNS has names that nobody may register, such as _dmarc.example
	}
	return name
}

func sourceFits(c *Config, a netip.Addr) error {
	if c.Source.IsValid() && c.Source.Is4() != a.Is4() {
		return plan.Refuse("Source", "%s and %s are of different address families", c.Source, a)
	}
	return nil
}

// Limits of the look-ups of names.
const (
	mostLookups = 64   // at the same time
	mostNames   = 8192 // known; then all are forgotten
)

// names finds the names of addresses, many at the same time. An address is looked up again only
// after it was forgotten.
type names struct {
	ctx    context.Context
	group  sync.WaitGroup
	places chan struct{}

	mu    sync.Mutex
	known map[netip.Addr]*name
}

type name struct {
	found chan struct{} // closed when text is there
	text  string        // the address if there is none
}

// newNames returns names whose look-ups end with ctx.
func newNames(ctx context.Context) *names {
	return &names{ctx: ctx, places: make(chan struct{}, mostLookups), known: make(map[netip.Addr]*name)}
}

// want begins to look a up, unless that was begun before.
func (n *names) want(a netip.Addr) *name {
	n.mu.Lock()
	defer n.mu.Unlock()
	if known := n.known[a]; known != nil {
		return known
	}
	if len(n.known) >= mostNames {
		clear(n.known)
	}
	fresh := &name{found: make(chan struct{}), text: a.String()}
	n.known[a] = fresh
	n.group.Go(func() {
		defer close(fresh.found)
		ctx, cancel := context.WithTimeout(n.ctx, nameWait)
		defer cancel()
		select {
		case n.places <- struct{}{}:
			defer func() { <-n.places }()
		case <-ctx.Done():
			return
		}
		if all, err := net.DefaultResolver.LookupAddr(ctx, a.String()); err == nil && len(all) > 0 {
			fresh.text = strings.TrimSuffix(all[0], ".")
		}
	})
	return fresh
}

// of returns the name of a. It returns a itself if no name is found in time, or before ctx ends.
func (n *names) of(ctx context.Context, a netip.Addr) string {
	known := n.want(a)
	select {
	case <-known.found:
		return known.text
	case <-ctx.Done():
		return a.String()
	}
}

// wait waits for all look-ups.
func (n *names) wait() { n.group.Wait() }

// Resolve returns the address of a host, the one that the system prefers. A valid source chooses
// the family. The error of a text that is no host is a *plan.ConfigError.
func Resolve(ctx context.Context, family Family, source netip.Addr, host string) (netip.Addr, error) {
	return resolve(ctx, &Config{Family: family, Source: source}, host)
}

// Names finds the names of addresses in the background, until the context ends. Any goroutine may
// use it.
type Names struct{ *names }

// NewNames returns names that know none yet.
func NewNames(ctx context.Context) Names { return Names{newNames(ctx)} }

// Name returns the name of an address, "" if there is none or it is not known yet. It does not wait.
func (n Names) Name(a netip.Addr) string {
	known := n.want(a)
	select {
	case <-known.found:
		if known.text != a.String() {
			return plaintext.Clean(known.text)
		}
	default:
	}
	return ""
}

// Wait waits for all look-ups that have begun: each of them takes a second at most.
func (n Names) Wait() { n.wait() }

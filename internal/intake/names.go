package intake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
)

// Resolver looks names up, as a *net.Resolver does. It may be used by many goroutines.
type Resolver interface {
	// LookupNetIP returns the addresses of a host, of the network ip, ip4 or ip6.
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// System returns the resolver of the system.
func System() Resolver { return net.DefaultResolver }

// Bounds of look-ups. A program that looks up many names at a high rate should do so before a
// scan.
const (
	mostNames   = 10_000
	mostLookups = 64 // at the same time
	nameWait    = 10 * time.Second
	allWait     = 2 * time.Minute // for all names together
)

var errManyNames = fmt.Errorf("more than %d names: look them up first, with a program for many names such as zdns or massdns", mostNames)

// errNotInTime is about a name whose look-up did not end in time.
var errNotInTime = errors.New("not found in time")

// names are the names of the lists.
type names struct {
	known map[string]record.Name
	index map[string]int
	list  []listed
}

// listed is a name in the lists.
type listed struct {
	record.Name
	place string // of the first mention; "" for an argument
}

func newNames(known []record.Name) *names {
	n := &names{known: make(map[string]record.Name, len(known)), index: map[string]int{}}
	for _, k := range known {
		n.known[k.Name] = k
	}
	return n
}

// name takes a text as a name to look up, once for all mentions. The place is "" for an argument.
// It reports whether the text is a name.
func (r *reader) name(text, place string) (taken bool, err error) {
	ascii, bad := idna.Lookup.ToASCII(strings.TrimSuffix(text, "."))
	if bad != nil || !target.IsName(ascii) {
		return false, nil
	}
	n := r.names
	if _, ok := n.index[ascii]; ok {
		return true, nil
	}
	if len(n.list) == mostNames {
		return false, errManyNames
	}
	n.index[ascii] = len(n.list)
	n.list = append(n.list, listed{record.Name{Name: ascii}, place})
	return true, nil
}

// resolve looks all names up, many at the same time, and adds their addresses. A name of a file
// that is not found is a warning, if another one is found; a name among the arguments is an
// error.
func (r *reader) resolve(ctx context.Context) error {
	list := r.names.list
	if len(list) == 0 {
		return nil
	}
	errs := r.lookUp(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	var missing []string
	for i, err := range errs {
		if err == nil {
			for _, a := range list[i].Addresses {
				r.out.AddAddr(probe.AddrFrom(a))
			}
		} else if list[i].place == "" || len(list) == 1 {
			return &NotFoundError{fmt.Sprintf("%s is neither a file nor a name with an address: %v", list[i].Name.Name, err)}
		} else {
			missing = append(missing, fmt.Sprintf("%s (%v)", list[i].Name.Name, err))
		}
		r.out.Names = append(r.out.Names, list[i].Name)
	}
	if len(missing) == len(list) {
		return &NotFoundError{fmt.Sprintf("none of %d names has an address: %s", len(list), strings.Join(few(missing), ", "))}
	}
	if len(missing) > 0 {
		r.warn("%d of %d names are left out, because they have no address: %s", len(missing), len(list), strings.Join(few(missing), ", "))
	}
	return nil
}

// few returns the first texts of a list, with a mark if there are more.
func few(list []string) []string {
	const most = 5
	if len(list) > most {
		return append(slices.Clone(list[:most]), "…")
	}
	return list
}

// lookUp fills in the addresses or the error of each name.
func (r *reader) lookUp(ctx context.Context) []error {
	ctx, cancel := context.WithTimeout(ctx, allWait)
	defer cancel()
	list := r.names.list
	errs, places := make([]error, len(list)), make(chan struct{}, mostLookups)
	var all sync.WaitGroup
	for i := range list {
		if k, ok := r.names.known[list[i].Name.Name]; ok {
			list[i].Name = k
			if k.Error != "" {
				errs[i] = errors.New(k.Error)
			}
			continue
		}
		all.Go(func() {
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
				list[i].Addresses, errs[i] = r.lookUpOne(ctx, list[i].Name.Name)
			case <-ctx.Done():
				errs[i] = errNotInTime
			}
			if errs[i] != nil {
				list[i].Addresses, list[i].Error = []netip.Addr{}, errs[i].Error()
			}
		})
	}
	all.Wait()
	return errs
}

// lookUpOne returns the addresses of a name, IPv4 first and ascending. The error is without the
// name.
func (r *reader) lookUpOne(ctx context.Context, name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, nameWait)
	defer cancel()
	network := map[Family]string{Both: "ip", IPv4: "ip4", IPv6: "ip6"}[r.conf.Family]
	found, err := r.conf.Names.LookupNetIP(ctx, network, name)
	if ctx.Err() != nil {
		return nil, errNotInTime
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return nil, errors.New(dns.Err)
	}
	if err != nil {
		return nil, err
	}
	var addrs []netip.Addr
	for _, a := range found {
		if a = a.Unmap(); a.Zone() == "" && (r.conf.Family == Both || a.Is4() == (r.conf.Family == IPv4)) {
			addrs = append(addrs, a)
		}
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	if addrs = slices.Compact(addrs); len(addrs) == 0 {
		return nil, errors.New("no address of this family")
	}
	return addrs, nil
}

// NotFoundError means that names have no addresses.
type NotFoundError struct{ text string }

// Error implements error.
func (e *NotFoundError) Error() string { return e.text }

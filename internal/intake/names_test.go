package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/masstrace/masstrace/internal/intake"
	"github.com/masstrace/masstrace/internal/record"
)

// zone is a resolver of some names.
type zone map[string][]string

// LookupNetIP implements intake.Resolver.
func (z zone) LookupNetIP(ctx context.Context, network, host string) (list []netip.Addr, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, text := range z[host] {
		a := netip.MustParseAddr(text)
		if network == "ip" || a.Unmap().Is4() == (network == "ip4") {
			list = append(list, a)
		}
	}
	if len(list) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return list, nil
}

var someZone = zone{
	"both.example": {"2001:db8::1", "::ffff:192.0.2.1", "192.0.2.4"}, "xn--bcher-kva.example": {"192.0.2.9"}, "six.example": {"2001:db8::2"},
}

func TestNames(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "one", []byte("six.example\n"))
	write(t, "some", []byte("both.example # a\nnone.example\n192.0.2.77\nbücher.example.\nBoth.Example\n"))
	write(t, "csv", []byte("rank,name\n1,six.example\n2,none.example\n"))
	write(t, "wrong", []byte("both.example\nno_name\n"))
	write(t, "URL", []byte("http://both.example/\n"))
	write(t, "lost", []byte("none.example\nmore.none.example\n"))
	tests := []struct {
		name    string
		args    []string
		column  string
		family  intake.Family
		want    string
		names   string
		warning string
		err     string
	}{
		{name: "argument", args: []string{"both.example"}, want: "192.0.2.1 192.0.2.4 2001:db8::1", names: "both.example=192.0.2.1,192.0.2.4,2001:db8::1"},
		{name: "IPv4", args: []string{"both.example"}, family: intake.IPv4, want: "192.0.2.1 192.0.2.4", names: "both.example=192.0.2.1,192.0.2.4"},
		{name: "IPv6", args: []string{"both.example", "192.0.2.1"}, family: intake.IPv6, want: "2001:db8::1", names: "both.example=2001:db8::1"},
		{name: "file", args: []string{"some"}, want: "192.0.2.1 192.0.2.4 192.0.2.9 192.0.2.77 2001:db8::1",
			names:   "both.example=192.0.2.1,192.0.2.4,2001:db8::1 none.example=no such host xn--bcher-kva.example=192.0.2.9",
			warning: "1 of 3 names are left out, because they have no address: none.example (no such host)"},
		{name: "column", args: []string{"csv"}, column: "name", want: "2001:db8::2", names: "six.example=2001:db8::2 none.example=no such host",
			warning: "1 of 2 names are left out, because they have no address: none.example (no such host)"},
		{name: "argument that is not found", args: []string{"none.example", "both.example"}, err: "none.example is neither a file nor a name with an address: no such host"},
		{name: "no address of the family", args: []string{"six.example"}, family: intake.IPv4, err: "six.example is neither a file nor a name with an address: no such host"},
		{name: "none is found", args: []string{"lost"}, err: "none of 2 names has an address: none.example (no such host), more.none.example (no such host)"},
		{name: "no name", args: []string{"wrong"}, err: `wrong:2: "no_name" is not an address`},
		{name: "URL", args: []string{"URL"}, err: `URL:1: "http://both.example/" is a URL: give its host alone`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := intake.Read(t.Context(), intake.Config{Args: tt.args, Column: tt.column, Family: tt.family, Names: someZone})
			if tt.err != "" || err != nil {
				if err == nil || err.Error() != tt.err {
					t.Errorf("got  %v\nwant %s", err, tt.err)
				}
				return
			}
			text := bytes.Join(slices.Collect(l.Text(1<<20)), nil)
			if got := strings.Join(strings.Fields(string(text)), " "); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := namesText(l.Names); got != tt.names {
				t.Errorf("names %s, want %s", got, tt.names)
			}
			if got := strings.Join(l.Warnings, " "); got != tt.warning {
				t.Errorf("warnings %q, want %q", got, tt.warning)
			}
			again, err := intake.Read(t.Context(), intake.Config{Args: tt.args, Column: tt.column, Family: tt.family, Names: zone{}, Known: l.Names})
			if err != nil || again.Digest() != l.Digest() || namesText(again.Names) != tt.names {
				t.Errorf("a resumed run has other targets: %v", err)
			}
		})
	}
}

func namesText(names []record.Name) string {
	var list []string
	for _, n := range names {
		text := n.Error
		for i, a := range n.Addresses {
			if i > 0 {
				text += ","
			}
			text += a.String()
		}
		list = append(list, n.Name+"="+text)
	}
	return strings.Join(list, " ")
}

// More names than the limit are refused before any is looked up.
func TestManyNames(t *testing.T) {
	var text strings.Builder
	for i := range 10001 {
		fmt.Fprintf(&text, "h%d.example\n", i)
	}
	_, err := intake.Read(t.Context(), intake.Config{Args: []string{"-"}, Stdin: strings.NewReader(text.String()), Names: zone{}})
	const want = "stdin:10001: more than 10000 names: look them up first, with a program for many names such as zdns or massdns"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// stuck is a resolver that never answers.
type stuck struct{}

// LookupNetIP implements intake.Resolver.
func (stuck) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A resolver that does not answer holds a run up for a bounded time, which an interrupt ends.
func TestNamesInTime(t *testing.T) {
	var text strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&text, "h%d.example\n", i)
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, err := intake.Read(t.Context(), intake.Config{Args: []string{"-"}, Stdin: strings.NewReader(text.String()), Names: stuck{}})
		if took := time.Since(began); took > 2*time.Minute || err == nil || !strings.HasPrefix(err.Error(), "none of 5000 names has an address: h0.example (not found in time), ") {
			t.Errorf("after %v: %v", took, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := intake.Read(ctx, intake.Config{Args: []string{"a.example"}, Names: stuck{}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("interrupted: %v", err)
		}
	})
}

package netsim

import (
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"
)

// Names have their form, lead back to their address, and are missing for a share of addresses.
func TestNames(t *testing.T) {
	form := regexp.MustCompile(`^(([a-z]+|[a-z]+-\d-\d-)\d\.[a-z]+\d+\.[a-z]{3}[0-9a-f]*\.(v6\.)?|h[0-9a-f-]+\.(dyn|static|cust)\.)as64(49[6-9]|50\d|51[01])\.example\.net$`)
	truth, err := NewTruth(Default())
	must(t, err)
	r := rand.New(rand.NewPCG(1, 2))
	var named, all [2]int // routers, targets
	seen := map[string]netip.Addr{}
	check := func(kind int, a netip.Addr) {
		t.Helper()
		all[kind]++
		name, ok := truth.Name(a)
		if !ok {
			return
		}
		named[kind]++
		if !form.MatchString(name) {
			t.Errorf("%v has the name %q", a, name)
		}
		if other, ok := seen[name]; ok && other != a {
			t.Errorf("%v and %v have the name %q", a, other, name)
		}
		seen[name] = a
		if back, ok := truth.Addr(name); !ok || back != a {
			t.Errorf("%q has the address %v (%v), want %v", name, back, ok, a)
		}
	}
	for range 500 {
		dst := netip.AddrFrom4([4]byte{45, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
		src := netip.MustParseAddr("192.0.2.2")
		if r.Uint32()&1 == 0 {
			dst = netip.AddrFrom16([16]byte{0x2a, 0, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), 15: byte(r.Uint32())})
			src = netip.MustParseAddr("2001:db8::2")
		}
		check(1, dst)
		f := PortFlow(17, src, dst, 40000, 33434)
		for _, hops := range truth.Path(&f, 40) {
			for _, h := range hops {
				if !h.Target && h.Addr.IsValid() {
					check(0, h.Addr)
				}
			}
		}
	}
	for kind, want := range [2]float64{namedRouters, namedTargets} {
		if got := float64(named[kind]) / float64(all[kind]); got < want-0.1 || got > want+0.1 {
			t.Errorf("kind %d: %v have names, want %v", kind, got, want)
		}
	}
}

// Names and addresses of nothing.
func TestNoNames(t *testing.T) {
	truth, err := NewTruth(Default())
	must(t, err)
	for _, text := range []string{"10.0.0.1", "127.0.0.1", "224.0.0.1", "fe80::1", "192.0.2.1", "6.0.0.7", "3ffe::7:1"} {
		if name, ok := truth.Name(netip.MustParseAddr(text)); ok {
			t.Errorf("%s has the name %q", text, name)
		}
	}
	var name string
	for i := range 100 {
		if n, ok := truth.Name(netip.AddrFrom4([4]byte{45, 150, 1, byte(i)})); ok {
			name = n
		}
	}
	for _, n := range []string{
		"", ".", "example.net", "h.dyn.as64500.example.net", "h10-0-0-1.dyn.as64500.example.net",
		strings.Replace(name, "as645", "as646", 1), "x" + name, name + ".x",
		"ae1.core3.fra.as64500.example.net", "ae1.core999.fra2d.as64500.example.net", "ae1.core3.fraxx.as64500.example.net",
		"ae1.what3.fra2d.as64500.example.net", "ae1.gw1.f.as64496.example.net",
	} {
		if a, ok := truth.Addr(n); ok {
			t.Errorf("%q has the address %v", n, a)
		}
	}
}

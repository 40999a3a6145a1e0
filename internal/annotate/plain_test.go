package annotate

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/masstrace/masstrace/internal/effort"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// anyAddr returns an address in one of a few /16s or /48s, so that prefixes are inside others.
func anyAddr(rng *rand.Rand) netip.Addr {
	if rng.IntN(8) == 0 {
		b := [16]byte{0x20, 1, 0xd, 0xb8, 5: byte(rng.IntN(3)), 6: byte(rng.IntN(2)), 15: byte(rng.IntN(4))}
		return netip.AddrFrom16(b)
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], 192<<24|rng.Uint32N(3)<<16|rng.Uint32N(8)<<8|rng.Uint32N(256))
	return netip.AddrFrom4(b)
}

// anyPrefix returns the prefix of some length of such an address.
func anyPrefix(rng *rand.Rand) netip.Prefix {
	a := anyAddr(rng)
	bits := []int{8, 12, 15, 16, 17, 20, 22, 23, 24, 24, 25, 28, 32}[rng.IntN(13)]
	if a.Is6() {
		bits *= 4
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// anyDatabases returns some databases with prefixes at random.
func anyDatabases(t *testing.T, rng *rand.Rand) (c Config) {
	t.Helper()
	number := func() uint32 { return 64500 + rng.Uint32N(6) }
	var lines, names []byte
	var asn, geo []network
	for range 1 + rng.IntN(40) {
		p := anyPrefix(rng)
		lines = append(lines, p.Addr().String()+"\t"+strconv.Itoa(p.Bits())+"\t"+strconv.Itoa(int(number()))+"\n"...)
		names = append(names, anyPrefix(rng).String()+" router"+strconv.Itoa(rng.IntN(9))+"\n"...)
		asn = append(asn, network{anyPrefix(rng), map[string]any{"autonomous_system_number": number()}})
		geo = append(geo, network{anyPrefix(rng), map[string]any{"country_code": string([]byte{'A', 'A' + byte(rng.IntN(4))})}})
	}
	for _, one := range []struct {
		name string
		text []byte
		to   *[]string
	}{
		{"pfx2as", lines, &c.ASN}, {"names", names, &c.Names}, {"asn.mmdb", mmdbOf(t, "ASN", asn), &c.ASN}, {"geo.mmdb", mmdbOf(t, "Geo", geo), &c.Geo},
		{"dump", []byte(dump), &c.IXP},
	} {
		if rng.IntN(2) == 0 {
			*one.to = append(*one.to, file(t, one.name, one.text))
		}
	}
	return c
}

// plainly is the annotation of an address by a look-up that remembers nothing.
func plainly(a *Annotator, addr probe.Addr) *record.Annotation {
	prefix, _, there := a.ask(addr.Netip())
	if !there {
		return nil
	}
	return a.combine(prefix)
}

// Remembered answers are those of look-ups that remember nothing, in any order of the addresses.
func TestPlain(t *testing.T) {
	rng := effort.Rand(t)
	for range effort.Count(60, 5000) {
		d, err := Open(t.Context(), anyDatabases(t, rng))
		if err != nil {
			t.Fatal(err)
		}
		a, plain := New(d), New(d)
		equal := func(addr probe.Addr, got *record.Annotation) {
			t.Helper()
			if want := plainly(plain, addr); !cmp.Equal(want, got, cmpopts.EquateComparable(netip.Prefix{})) {
				t.Fatalf("%v of %v: %+v, want %+v", addr, d.List(), got, want)
			}
		}
		for range 300 {
			if rng.IntN(2) == 0 {
				addr := probe.AddrFrom(anyAddr(rng))
				equal(addr, a.Of(addr))
				continue
			}
			tr := record.Trace{Head: record.Head{Target: probe.AddrFrom(anyAddr(rng))}}
			for ttl := range uint8(8) {
				h := record.Hop{}
				h.TTL, h.Responder = ttl+1, probe.AddrFrom(anyAddr(rng))
				tr.Hops = append(tr.Hops, h)
			}
			a.Record(&tr)
			equal(tr.Target, tr.TargetAnnotation)
			var path []record.PathPart
			for i := range tr.Hops {
				equal(tr.Hops[i].Responder, tr.Hops[i].Annotation)
				path = appendPart(path, partOf(tr.Hops[i].Annotation), uint8(i+1))
			}
			if diff := cmp.Diff(path, tr.ASPath); diff != "" {
				t.Fatalf("(-want +got):\n%s", diff)
			}
		}
		if err := a.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// partOf returns the part that an address with this annotation belongs to.
func partOf(n *record.Annotation) record.PathPart {
	switch {
	case n == nil || len(n.ASN) == 0 && n.IXP == "":
		return record.PathPart{Kind: record.PathUnknown}
	case n.IXP != "":
		return record.PathPart{Kind: record.PathIXP, ASN: n.ASN, IXP: n.IXP}
	}
	return record.PathPart{Kind: record.PathAS, ASN: n.ASN}
}

// appendPart appends the part of one TTL to a path.
func appendPart(path []record.PathPart, p record.PathPart, ttl uint8) []record.PathPart {
	if n := len(path); n > 0 {
		if last := &path[n-1]; last.Kind == p.Kind && last.IXP == p.IXP && slices.Equal(last.ASN, p.ASN) {
			last.Last = ttl
			return path
		}
	}
	p.First, p.Last = ttl, ttl
	return append(path, p)
}

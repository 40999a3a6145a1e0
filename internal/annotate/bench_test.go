package annotate

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

const (
	benchNetworks = 400_000 // a routing table of IPv4 has 1 million prefixes, many of one origin
	benchTraces   = 1_000_000
	benchHops     = 14
)

// benchNetwork is the i-th network of the databases of benchmarks, a /22.
func benchNetwork(i int) netip.Prefix {
	var a [4]byte
	binary.BigEndian.PutUint32(a[:], uint32(16<<24+i<<10))
	return netip.PrefixFrom(netip.AddrFrom4(a), 22)
}

// walk fills t with the i-th of many traces over a tree of routers: few near the vantage point, up to
// 65,536 at a TTL far from it. How many traces a router is in follows Zipf's law: the n-th router of a
// TTL has 1/n as many as the first one. Each target is a new address.
func walk(t *record.Trace, i int) {
	t.Hops = t.Hops[:benchHops]
	h := uint64(i) * 0x9e3779b97f4a7c15
	for ttl := range benchHops {
		h = h*0x9e3779b97f4a7c15 + 1
		octave := (h >> 40) % uint64(min(2*ttl, 16)+1) // uniform, as the logarithm by Zipf's law
		n := (h>>20)%(1<<octave) + uint64(ttl)<<17
		n = (n * 0xbf58476d1ce4e5b9) >> 32 % (benchNetworks << 10)
		t.Hops[ttl].TTL = uint8(ttl + 1)
		t.Hops[ttl].Responder.Set4(binary.BigEndian.AppendUint32(make([]byte, 0, 4), uint32(16<<24+n)))
	}
	n := (uint64(i) * 0x9e3779b97f4a7c15 >> 17) % (benchNetworks << 10)
	t.Target.Set4(binary.BigEndian.AppendUint32(make([]byte, 0, 4), uint32(16<<24+n)))
	t.End = benchHops
}

// BenchmarkMillion annotates 1 M traces of 14 hops from a database of AS numbers, another of
// countries in the same file format, and names of some routers. It reports the time for a hop, the
// look-ups of targets and the AS path included, and the memory of all answers.
func BenchmarkMillion(b *testing.B) {
	dir := b.TempDir()
	asn := filepath.Join(dir, "asn.mmdb")
	var networks []network
	for i := range benchNetworks {
		networks = append(networks, network{benchNetwork(i), map[string]any{
			"autonomous_system_number": uint32(64500 + i/5), "autonomous_system_organization": fmt.Sprint("Example Networks ", i/5),
		}})
	}
	put(b, asn, mmdbOf(b, "Test-ASN", networks))
	b.Run("AS numbers", func(b *testing.B) { million(b, Config{ASN: []string{asn}}) })
	geo := filepath.Join(dir, "geo.mmdb")
	for i := range networks {
		networks[i].data = map[string]any{"country": map[string]any{"iso_code": string(rune('A'+i%26)) + string(rune('A'+i/26%26))}}
	}
	put(b, geo, mmdbOf(b, "Test-Country", networks))
	b.Run("AS numbers and countries", func(b *testing.B) { million(b, Config{ASN: []string{asn}, Geo: []string{geo}}) })
	text := filepath.Join(dir, "pfx2as.txt")
	var lines []byte
	for i := range benchNetworks {
		lines = fmt.Appendf(lines, "%s\t22\t%d\n", benchNetwork(i).Addr(), 64500+i/5)
	}
	put(b, text, lines)
	b.Run("pfx2as", func(b *testing.B) { million(b, Config{ASN: []string{text}}) })
}

func million(b *testing.B, c Config) {
	for b.Loop() {
		d, err := Open(b.Context(), c)
		if err != nil {
			b.Fatal(err)
		}
		a := New(d)
		t := record.Trace{Hops: make([]record.Hop, benchHops)}
		before := heap()
		began := processorTime()
		for i := range benchTraces {
			walk(&t, i)
			for j := range t.Hops {
				t.Hops[j].Annotation = nil
			}
			t.TargetAnnotation = nil
		}
		walking := processorTime() - began
		began = processorTime()
		for i := range benchTraces {
			walk(&t, i)
			for j := range t.Hops {
				t.Hops[j].Annotation = nil
			}
			t.TargetAnnotation = nil
			a.Record(&t)
		}
		took := processorTime() - began - walking
		if a.Err() != nil || len(t.ASPath) == 0 {
			b.Fatal(a.Err(), t.ASPath)
		}
		b.ReportMetric(float64(took.Nanoseconds())/benchTraces/benchHops, "ns/hop")
		b.ReportMetric(float64(heap()-before)/1e6, "MB")
		b.ReportMetric(float64(len(a.recent.answer)), "answers")
		runtime.KeepAlive(a)
	}
}

// processorTime returns the time that the process had a processor for, so that other programs do not
// count.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkNew looks up addresses that were not asked for before.
func BenchmarkNew(b *testing.B) {
	path := filepath.Join(b.TempDir(), "asn.mmdb")
	var networks []network
	for i := range benchNetworks / 10 {
		networks = append(networks, network{benchNetwork(i), map[string]any{"autonomous_system_number": uint32(i)}})
	}
	put(b, path, mmdbOf(b, "Test-ASN", networks))
	d, err := Open(b.Context(), Config{Annotate: []string{path}})
	if err != nil {
		b.Fatal(err)
	}
	a, rng := New(d), rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		addr := probe.Addr4From([4]byte(binary.BigEndian.AppendUint32(nil, uint32(16<<24)+rng.Uint32N(benchNetworks/10<<10))))
		a.once(&addr)
	}
}

func put(tb testing.TB, path string, text []byte) {
	tb.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatal(err)
	}
}

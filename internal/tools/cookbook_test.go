//go:build tools

package tools

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCookbook asks every question of the page, and compares the rows of the answers with counts of
// the same records by encoding/json alone.
func TestCookbook(t *testing.T) {
	recipes := documented(t, "../../docs/cookbook.md")
	if len(recipes) < 19 {
		t.Fatalf("%d recipes", len(recipes))
	}
	dir := scanTwice(t)
	want := cooked(t, dir)
	for _, q := range recipes {
		t.Run(q.what, func(t *testing.T) {
			need(t, q.tool)
			began := time.Now()
			got := strings.ReplaceAll(strings.TrimSpace(q.run(t, dir)), "\t", " ")
			if expected, ok := want[q.what]; !ok || expected == "" || got != expected {
				t.Errorf("%s\nprints\n%s\nwant\n%s", q.code, got, expected)
			}
			t.Logf("%s %s: %d rows in %.1f s", q.tool, q.what, strings.Count(got, "\n")+1, time.Since(began).Seconds())
		})
	}
	t.Run("again", func(t *testing.T) { scanAgain(t, dir) })
}

// scanAgain scans the targets that did not answer.
func scanAgain(t *testing.T, dir string) {
	program, err := filepath.Abs("../../bin/masstrace")
	if err != nil {
		t.Fatal(err)
	}
	in(t, dir, nil, program, "convert", "-q", "a.ndjson", "a.silent.txt")
	in(t, dir, nil, program, "lab", "--", program, "scan", "a.silent.txt", "--rate", "10k", "-q", "-o", "again.ndjson")
	silent, traced := 0, 0
	for _, l := range linesOf(t, filepath.Join(dir, "a.ndjson")) {
		if l.Type == "trace-ext" && !l.Reached {
			silent++
		}
	}
	for _, l := range linesOf(t, filepath.Join(dir, "again.ndjson")) {
		if l.Type == "trace" {
			traced++
		}
	}
	if traced != silent || silent == 0 {
		t.Errorf("%d targets are traced again, %d did not answer", traced, silent)
	}
}

// scanTwice makes the files of the page, in a folder.
func scanTwice(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	program, err := filepath.Abs("../../bin/masstrace")
	if err != nil {
		t.Fatal(err)
	}
	for name, ports := range map[string]string{"a": "40000-40009", "b": "50000-50009"} {
		in(t, dir, nil, program, "lab", "--", program, "scan", "45.96.0.0/13", "--rate", "10k", "--seed", "cookbook", "-q",
			"--source-port-range", ports, "-o", name+".ndjson")
		for _, table := range []string{"hops", "traces", "links"} {
			in(t, dir, nil, program, "convert", "-q", name+".ndjson", name+"."+table+".parquet", "--table", table)
		}
		for _, ending := range []string{".csv", ".yrp"} {
			in(t, dir, nil, program, "convert", "-q", name+".ndjson", name+ending)
		}
	}
	text, prefixes := "first,last,asn,country\n", ""
	for i := range networks {
		text += fmt.Sprintf("%d,%d,%d,%s\n", i<<networkBits, (i+1)<<networkBits-1, asOf(i), countryOf(i))
		first := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, uint32(i)<<networkBits)))
		prefixes += fmt.Sprintf("%v\t%d\t%d\n", first, 32-networkBits, asOf(i))
	}
	for name, text := range map[string]string{"asn.csv": text, "asn.pfx2as": prefixes} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in(t, dir, nil, program, "annotate", "-q", "a.ndjson", "known.ndjson", "--asn", "asn.pfx2as")
	in(t, dir, nil, program, "convert", "-q", "known.ndjson", "known.hops.parquet")
	return dir
}

// The table of networks has one for each /14.
const (
	networkBits = 18
	networks    = 1 << (32 - networkBits)
)

func asOf(network int) int { return 64512 + network%1000 }

func countryOf(network int) string { return [...]string{"BR", "JP", "NL", "US", "ZA"}[network%5] }

// networkOf returns the number of the network of an address.
func networkOf(t *testing.T, text string) int {
	t.Helper()
	a, err := netip.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	b := a.As4()
	return int(binary.BigEndian.Uint32(b[:]) >> networkBits)
}

// linesOf reads the records of a file.
func linesOf(t *testing.T, path string) (list []line) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// percent returns 100·n/of as databases round it.
func percent(n, of int) int { return int(math.Round(100 * float64(n) / float64(of))) }

// cooked returns the answers to all questions.
func cooked(t *testing.T, dir string) map[string]string {
	t.Helper()
	a, b := linesOf(t, filepath.Join(dir, "a.ndjson")), linesOf(t, filepath.Join(dir, "b.ndjson"))
	want := map[string]string{"part": parted(a, b)}
	ofNetworks(t, a, want)
	ofPaths(a, want)
	ofHops(a, want)
	want["iris"] = exceeded(a)
	interfaces := routersOf(a)
	fresh := 0
	for addr := range routersOf(b) {
		if interfaces[addr] == nil {
			fresh++
		}
	}
	want["new"] = fmt.Sprint(fresh)
	return want
}

// routersOf returns the TTLs of each address that was no target when it answered.
func routersOf(lines []line) map[string]map[int]bool {
	routers := map[string]map[int]bool{}
	for _, l := range lines {
		for _, h := range l.Hops {
			if h.Addr == l.Dst {
				continue
			}
			if routers[h.Addr] == nil {
				routers[h.Addr] = map[int]bool{}
			}
			routers[h.Addr][h.ProbeTTL] = true
		}
	}
	return routers
}

// ofNetworks answers the questions about networks.
func ofNetworks(t *testing.T, lines []line, want map[string]string) {
	interfaces, labelled, hops := counts{}, counts{}, counts{}
	rtts := map[string][]int64{}
	for addr := range routersOf(lines) {
		interfaces[fmt.Sprint(asOf(networkOf(t, addr)))]++
	}
	for _, l := range lines {
		for _, h := range l.Hops {
			n := networkOf(t, h.Addr)
			as, country := fmt.Sprint(asOf(n)), countryOf(n)
			hops[as]++
			if labelled[as] += 0; len(h.Objects) > 0 && len(h.Objects[0].Labels) > 0 {
				labelled[as]++
			}
			if h.RTT != nil {
				rtts[country] = append(rtts[country], *h.RTT)
			}
		}
	}
	want["asns"] = interfaces.most()
	want["annotated"] = want["asns"]
	rows := strings.Split(labelled.most(), "\n")
	for i, row := range rows {
		as, _, _ := strings.Cut(row, " ")
		rows[i] = fmt.Sprint(row, " ", hops[as])
	}
	want["mpls"] = strings.Join(rows, "\n")
	rows = rows[:0]
	for country, list := range rtts {
		slices.Sort(list)
		rows = append(rows, fmt.Sprint(country, " ", len(list), " ", int(math.Round(float64(list[(len(list)+1)/2-1])/1e6*1000))))
	}
	slices.Sort(rows)
	want["country"] = strings.Join(rows, "\n")
}

// ofPaths answers the questions about whole traces.
func ofPaths(lines []line, want map[string]string) {
	reasons, codes, lengths, gaps := counts{}, counts{}, counts{}, counts{}
	paths, loops := map[string]bool{}, map[string]bool{}
	traces := 0
	var within [33]int // targets reached by a TTL
	for _, l := range lines {
		switch {
		case l.Type == "trace-ext" && l.Loops != nil:
			loops[l.Dst] = true
		case l.Type != "trace":
			continue
		}
		if l.Type != "trace" {
			continue
		}
		traces++
		reasons[l.StopReason]++
		switch l.StopReason {
		case "UNREACH":
			codes[fmt.Sprint(l.StopData)]++
		case "COMPLETED":
			lengths[fmt.Sprint(l.HopCount)]++
			for ttl := l.HopCount; ttl < len(within); ttl++ {
				within[ttl]++
			}
		}
		path, ttls := "", map[int]bool{}
		first, last := math.MaxInt, 0
		for _, h := range l.Hops {
			path += fmt.Sprint(h.ProbeTTL, h.Addr, " ")
			ttls[h.ProbeTTL], first, last = true, min(first, h.ProbeTTL), max(last, h.ProbeTTL)
		}
		if paths[path] = true; len(ttls) > 0 {
			gaps[fmt.Sprint(last-first+1-len(ttls))]++
		}
	}
	shares := counts{}
	for ttl := 1; ttl < len(within); ttl++ {
		shares[fmt.Sprint(ttl)] = percent(within[ttl], traces)
	}
	want["reached"], want["reasons"] = shares.sorted(byNumber), reasons.sorted(strings.Compare)
	want["codes"], want["lengths"], want["anonymous"] = codes.sorted(byNumber), lengths.sorted(byNumber), gaps.sorted(byNumber)
	want["paths"], want["loops"] = fmt.Sprint(len(paths)), fmt.Sprint(len(loops))
}

// ofHops answers the questions about hops and links.
func ofHops(lines []line, want map[string]string) {
	heard, silent, kinds, longer, ttls := counts{}, counts{}, counts{}, counts{}, counts{}
	links, fan := counts{}, counts{}
	for _, l := range lines {
		for _, s := range l.NoReply {
			silent[fmt.Sprint(s[0])]++
		}
		pairs := map[string]bool{}
		for i, h := range l.Hops {
			heard[fmt.Sprint(h.ProbeTTL)]++
			kinds[h.Kind]++
			for _, begun := range []int{32, 64, 128, 255} {
				if begun >= h.ReplyTTL {
					longer[fmt.Sprint(begun-h.ReplyTTL+1-h.ProbeTTL)]++
					break
				}
			}
			for _, near := range l.Hops[:i] {
				if near.ProbeTTL+1 == h.ProbeTTL && near.Addr != h.Addr {
					pairs[near.Addr+" "+h.Addr] = true
				}
			}
		}
		for pair := range pairs {
			links[pair]++
		}
	}
	for pair := range links {
		near, _, _ := strings.Cut(pair, " ")
		fan[near]++
	}
	for _, at := range routersOf(lines) {
		ttls[fmt.Sprint(len(at))]++
	}
	shares := counts{}
	for ttl := range 256 {
		if key := fmt.Sprint(ttl); heard[key]+silent[key] > 0 {
			shares[key] = percent(silent[key], heard[key]+silent[key])
		}
	}
	want["silent"], want["kinds"], want["asymmetry"] = shares.sorted(byNumber), kinds.sorted(strings.Compare), longer.sorted(byNumber)
	want["rows"], want["yarrp"] = heard.sorted(byNumber), heard.sorted(byNumber)
	want["links"], want["fan"], want["ttls"] = links.most(), fan.most(), ttls.sorted(byNumber)
}

// exceeded returns two rows: of the hops that do not report an exceeded TTL, and of those that do.
// A row has the numbers of hops, of their addresses, and of hops with labels.
func exceeded(lines []line) string {
	var hops, labelled [2]int
	addrs := [2]map[string]bool{{}, {}}
	for _, l := range lines {
		for _, h := range l.Hops {
			i := 0
			if h.Kind == "ttl_exceeded" {
				i = 1
			}
			hops[i]++
			if addrs[i][h.Addr] = true; len(h.Objects) > 0 && len(h.Objects[0].Labels) > 0 {
				labelled[i]++
			}
		}
	}
	return fmt.Sprintf("0 %d %d %d\n1 %d %d %d", hops[0], len(addrs[0]), labelled[0], hops[1], len(addrs[1]), labelled[1])
}

// parted returns the number of targets by the first TTL at which two scans heard different
// addresses.
func parted(a, b []line) string {
	heard := map[string]map[int][]string{}
	for _, l := range b {
		if len(l.Hops) > 0 && heard[l.Dst] == nil {
			heard[l.Dst] = map[int][]string{}
		}
		for _, h := range l.Hops {
			heard[l.Dst][h.ProbeTTL] = append(heard[l.Dst][h.ProbeTTL], h.Addr)
		}
	}
	first := map[string]int{}
	for _, l := range a {
		for _, h := range l.Hops {
			for _, other := range heard[l.Dst][h.ProbeTTL] {
				if other != h.Addr {
					first[l.Dst] = cmp.Or(min(cmp.Or(first[l.Dst], h.ProbeTTL), h.ProbeTTL), h.ProbeTTL)
				}
			}
		}
	}
	n := counts{}
	for _, ttl := range first {
		n[fmt.Sprint(ttl)]++
	}
	return n.sorted(byNumber)
}

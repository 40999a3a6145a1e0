package report

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/bench/imagine"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// script is the text that a hostile network puts in every name.
const script = `</script><script>alert(1)</script><img src=x onerror=alert(2)>"'` + "\u202e\x1b[31m"

// hostileTrace returns a trace with script in each field that has text.
func hostileTrace() *record.Trace {
	about := &record.Annotation{
		ASN: []uint32{64500}, ASName: script, IXP: script, Country: script, Name: script, ASNSource: script,
		Prefix: netip.MustParsePrefix("198.51.100.0/24"),
	}
	t := newTrace("203.0.113.9", "198.51.100.1", "198.51.100.2", "203.0.113.9")
	t.TargetAnnotation = about
	for i := range t.Hops {
		t.Hops[i].Annotation = about
	}
	return t
}

// newTrace returns a trace with hops at TTLs from 1.
func newTrace(target string, hops ...string) *record.Trace {
	t := &record.Trace{Head: record.Head{Target: addr(target), Source: addr("192.0.2.1")}, FirstTTL: 1, Start: 1e18}
	for i, h := range hops {
		if h == "" {
			t.Silent = append(t.Silent, record.TTLAttempt{TTL: uint8(i + 1)})
			continue
		}
		hop := record.Hop{Sent: 1e18, RTT: int64(i+1) * 1_234_567}
		hop.TTL, hop.Responder, hop.Kind = uint8(i+1), addr(h), probe.KindTTLExceeded
		t.Hops = append(t.Hops, hop)
	}
	t.End = uint8(len(hops))
	if t.Reached = hops[len(hops)-1] == target; t.Reached {
		t.StopReason = record.StopCompleted
	}
	return t
}

func addr(s string) probe.Addr { return probe.AddrFrom(netip.MustParseAddr(s)) }

// gathered returns the gathering of some records of one file.
func gathered(most int, records ...record.Record) *gathering {
	g := newGathering(most)
	g.begin("dir/results.ndjson")
	for _, r := range records {
		g.take(r)
	}
	g.finish()
	return g
}

// unpacked is the data of a page as a browser reads it.
type unpacked struct {
	header
	columns map[string][]uint32
}

// unpack decodes the data of a page by another way than the encoder's.
func unpack(t *testing.T, page []byte) *unpacked {
	t.Helper()
	m := regexp.MustCompile(`(?s)id="data">([^<]*)</script>`).FindSubmatch(page)
	if m == nil {
		t.Fatal("the page has no data")
	}
	zipped, err := base64.StdEncoding.DecodeString(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	n := binary.LittleEndian.Uint32(data)
	u := &unpacked{columns: map[string][]uint32{}}
	if err := json.Unmarshal(data[4:4+n], &u.header); err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int{"u8": 1, "u16": 2, "u32": 4, "f32": 4}
	for _, c := range u.Columns {
		var list []uint32
		for i := range c.Length {
			at := data[4+int(n)+c.Offset+i*sizes[c.Type]:]
			switch sizes[c.Type] {
			case 1:
				list = append(list, uint32(at[0]))
			case 2:
				list = append(list, uint32(binary.LittleEndian.Uint16(at)))
			default:
				list = append(list, binary.LittleEndian.Uint32(at))
			}
		}
		u.columns[c.Name] = list
	}
	return u
}

func pageOf(t *testing.T, g *gathering) []byte {
	t.Helper()
	page, err := Page(g.encode(), File)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// No text of the network is in the markup.
func TestHostileText(t *testing.T) {
	run := &record.Run{Run: script, Tool: script, Argv: []string{script}, Protocol: script, Source: script}
	cycle := &record.CycleStart{Cycle: record.Cycle{Hostname: script, ListName: script}}
	g := newGathering(10)
	g.begin(script)
	for _, r := range []record.Record{cycle, run, hostileTrace(), &record.Summary{Run: script, Reason: script}} {
		g.take(r)
	}
	g.note(script)
	g.finish()
	page := pageOf(t, g)
	plain := pageOf(t, gathered(10, newTrace("203.0.113.9", "203.0.113.9")))
	cut := func(page []byte) string {
		return regexp.MustCompile(`(?s)id="data">[^<]*<`).ReplaceAllString(string(page), "")
	}
	if cut(page) != cut(plain) {
		t.Error("the markup depends on the results")
	}
	u := unpack(t, page)
	if len(u.Names) == 0 || !strings.Contains(u.Names[0], "alert(1)") || strings.ContainsAny(u.Names[0], "\x1b\u202e") {
		t.Errorf("names %q, want those of the trace without control characters", u.Names)
	}
}

// The page refers to nothing outside of it, and its policy names its script.
func TestSelfContained(t *testing.T) {
	for mode, page := range map[string][]byte{"file": pageOf(t, gathered(10, hostileTrace())), "live": liveOf(t), "changes": changesOf(t)} {
		for _, bad := range []string{`(?i)(src|href|action|data|poster|xlink:href)\s*=\s*["']?\s*(https?:)?//`, `(?i)url\(\s*["']?https?:`, `(?i)@import`, `(?i)<(iframe|object|embed|base)\b`, `\{\{`} {
			if m := regexp.MustCompile(bad).Find(page); m != nil {
				t.Errorf("%s: the page has %q", mode, m)
			}
		}
		for _, want := range []string{`default-src 'none'`, `lang="en"`, `<main`, `<header`, `<footer`, `<nav aria-label`, `role="search"`, `class="skip"`, `<noscript>`, "Permission is hereby granted"} {
			if !bytes.Contains(page, []byte(want)) {
				t.Errorf("%s: the page has no %s", mode, want)
			}
		}
	}
}

// changesOf returns the frame of a comparison, without data.
func changesOf(t *testing.T) []byte {
	page, err := Page(nil, Changes)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func liveOf(t *testing.T) []byte {
	page, err := Page(nil, Live)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// Every identifier of the frame is unique, and every label and link names one.
func TestFrame(t *testing.T) {
	for _, page := range [][]byte{liveOf(t), changesOf(t)} {
		checkFrame(t, string(page))
	}
}

func checkFrame(t *testing.T, page string) {
	page = page[strings.Index(page, "<body"):strings.Index(page, `<script type=`)]
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("two elements have the identifier %s", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?:href="#|for="|aria-labelledby="|aria-describedby=")([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !ids[m[1]] {
			t.Errorf("no element has the identifier %s", m[1])
		}
	}
	for _, section := range regexp.MustCompile("<section[^>]*>").FindAllString(page, -1) {
		if !strings.Contains(section, "aria-label") || !strings.Contains(section, "data-chapter=") && !strings.Contains(section, `aria-label="`) {
			t.Errorf("%s has no label", section)
		}
	}
}

// The data has everything that was in the traces.
func TestData(t *testing.T) {
	first := newTrace("203.0.113.9", "198.51.100.1", "", "198.51.100.2", "203.0.113.9")
	second := newTrace("2001:db8::9", "2001:db8::1")
	second.Source = addr("2001:db8::2")
	second.Hops[0].Sent = 0
	u := unpack(t, pageOf(t, gathered(10, second, first)))
	for name, want := range map[string]string{
		"dst": "[3 6]", "hops": "[3 1]", "hop.ttl": "[1 3 4 1]", "silent.low": "[4 0]", "flags": "[1 0]", "stop": "[1 0]",
		"hop.addr": "[1 2 3 4]", "addr4": fmt.Sprint(deltas("192.0.2.1", "198.51.100.1", "198.51.100.2", "203.0.113.9")),
		"hop.rtt0": fmt.Sprint([]uint32{1235 & 255, 3704 & 255, 4938 & 255, 255}), "hop.rtt2": "[0 0 0 255]",
	} {
		if got := fmt.Sprint(u.columns[name]); got != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	if u.Addresses4 != 4 || u.Addresses6 != 3 || u.Totals.Traces != 2 || u.Totals.Targets != 2 {
		t.Errorf("%d and %d addresses, totals %+v", u.Addresses4, u.Addresses6, u.Totals)
	}
}

func deltas(list ...string) (d []uint32) {
	last := uint32(0)
	for _, s := range list {
		a := addr(s)
		now := binary.BigEndian.Uint32(a[12:])
		d = append(d, now-last)
		last = now
	}
	return d
}

// A page is as small as it has to be, and the same for the same traces.
func TestSize(t *testing.T) {
	for _, tt := range []struct{ traces, most int }{{1000, 1e6}, {10_000, 4e6}} {
		pages := make([][]byte, min(2, 10_000/tt.traces))
		for i := range pages {
			random := rand.New(rand.NewPCG(1, 2))
			g := newGathering(tt.traces)
			g.begin("results")
			for range tt.traces {
				g.take(imagine.Trace(random))
			}
			g.finish()
			pages[i] = pageOf(t, g)
		}
		if len(pages[0]) > tt.most {
			t.Errorf("%d traces: %d octets, want at most %d", tt.traces, len(pages[0]), tt.most)
		}
		if len(pages) > 1 && !bytes.Equal(pages[0], pages[1]) {
			t.Errorf("%d traces: two pages of the same traces differ", tt.traces)
		}
		t.Logf("%d traces: %d octets", tt.traces, len(pages[0]))
	}
}

// Of more traces than a page may have, it has all flows to some targets, and the sums over all.
func TestSample(t *testing.T) {
	const targets, flows, most = 3000, 3, 900
	g := newGathering(most)
	g.begin("results")
	for i := range targets * flows {
		target := fmt.Sprintf("203.%d.%d.%d", i/flows/65536, i/flows/256%256, i/flows%256)
		tr := newTrace(target, "198.51.100.1", fmt.Sprintf("198.52.%d.%d", i/flows/256%256, i/flows%256))
		tr.FlowIndex = uint16(i % flows)
		g.take(tr)
	}
	g.finish()
	if n := len(g.paths); n > most || n < most-flows {
		t.Errorf("%d paths, want %d", n, most)
	}
	if g.totals.Traces != targets*flows {
		t.Errorf("%d traces in total", g.totals.Traces)
	}
	if n := len(g.book.addrs); n > 2*most {
		t.Errorf("%d addresses of %d paths: those of dropped paths are still there", n, len(g.paths))
	}
	seen := map[uint32]int{}
	for i := range g.paths {
		seen[g.paths[i].target]++
	}
	for target, n := range seen {
		if n != flows {
			t.Fatalf("target %d has %d of %d flows", target, n, flows)
		}
	}
}

// Replies of a file without traces make traces, in any order.
func TestReplies(t *testing.T) {
	var list []record.Record
	for _, ttl := range []uint8{3, 1} {
		r := &record.Reply{Head: record.Head{Target: addr("203.0.113.9")}}
		r.TTL, r.Responder = ttl, addr("198.51.100.1")
		if ttl == 3 {
			r.Responder = r.Head.Target
		}
		list = append(list, r)
	}
	u := unpack(t, pageOf(t, gathered(10, list...)))
	if got := fmt.Sprint(u.columns["hop.ttl"], u.columns["silent.low"], u.columns["flags"]); got != "[1 3] [4] [1]" {
		t.Errorf("TTLs, silence and flags %s", got)
	}
}

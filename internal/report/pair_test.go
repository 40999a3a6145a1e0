package report

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/compare"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// pairOf returns the files of two scans of n targets each. Of the targets of a /25, each path has
// another router. One target ends in another answer, and one in each scan is in no other.
func pairOf(t *testing.T, n int) (old, fresh string) {
	t.Helper()
	var records [2][]record.Record
	for i := range n {
		for k := range records {
			target, router := fmt.Sprintf("203.0.113.%d", i), "198.51.100.2"
			if k == 1 && i >= 128 {
				router = "198.51.100.3"
			}
			records[k] = append(records[k], newTrace(target, "198.51.100.1", router, target))
		}
	}
	end := newTrace("192.0.2.77", "198.51.100.1", "192.0.2.77")
	refused := newTrace("192.0.2.77", "198.51.100.1", "198.51.100.1")
	refused.StopReason, refused.StopData = record.StopUnreach, 13
	records[0] = append(records[0], end, newTrace("192.0.2.78", "198.51.100.1"))
	records[1] = append(records[1], refused, newTrace("192.0.2.79", "198.51.100.1"))
	return write(t, "ndjson", "old.ndjson", records[0]...), write(t, "ndjson", "new.ndjson", records[1]...)
}

// A page of a comparison has the result, the paths of both scans, and the kind of each target.
func TestCompare(t *testing.T) {
	old, fresh := pairOf(t, 200)
	page, result, err := Compare(context.Background(), Pair{Old: old, New: fresh, By: compare.ByPrefix, Paths: 1000})
	if err != nil || len(result.Changes) != 72 {
		t.Fatalf("%v, result %+v", err, result)
	}
	u := unpack(t, page)
	c := u.Comparison
	if c == nil || c.Compared != 201 || c.Changed != 72 || c.OtherEnds != 1 || c.OnlyOld != 1 || c.OnlyNew != 1 {
		t.Fatalf("comparison %+v", c)
	}
	if len(u.Files) != 2 || u.Files[0].File != "old.ndjson" || u.Files[1].File != "new.ndjson" || len(u.columns["dst"]) != 402 {
		t.Errorf("files %+v, %d traces", u.Files, len(u.columns["dst"]))
	}
	changed := uint32(slices.Index(c.Kinds, "changed"))
	of := func(name string) []uint32 { return u.columns["change."+name] }
	if len(of("dst")) != 72 {
		t.Fatalf("%d changes", len(of("dst")))
	}
	for i := range of("dst") {
		got := words(u.address(of("dst")[i]), of("ttl")[i], u.address(of("after")[i]), u.address(of("old")[i]), u.address(of("new")[i]), c.Parts[of("part")[i]].Prefix)
		if want := fmt.Sprintf("203.0.113.%d 2 198.51.100.1 198.51.100.2 198.51.100.3 203.0.113.128/25", 128+i); got != want {
			t.Errorf("change %d: %s, want %s", i, got, want)
		}
	}
	for i, dst := range u.columns["dst"] {
		if is, want := u.columns["kind"][i] == changed, slices.Contains(of("dst"), dst); is != want {
			t.Errorf("trace to %s: changed is %v", u.address(dst), is)
		}
	}
	ends := words(u.address(u.columns["end.dst"][0]), c.Ends[u.columns["end.old"][0]-1], c.Ends[u.columns["end.new"][0]-1])
	if ends != "192.0.2.77 COMPLETED UNREACH 13" {
		t.Errorf("ends %s", ends)
	}
	if len(c.Groups) == 0 || c.Groups[0].Name != "203.0.113.0/24" || c.Groups[0].Changed != 72 {
		t.Errorf("groups %+v", c.Groups)
	}
}

// A scan in pieces is compared as a whole.
func TestComparePieces(t *testing.T) {
	old, fresh := pairOf(t, 200)
	text, err := os.ReadFile(old)
	if err != nil {
		t.Fatal(err)
	}
	begin, err := os.ReadFile(write(t, "ndjson", "begin.ndjson", &record.Run{Tool: "masstrace"}))
	if err != nil {
		t.Fatal(err)
	}
	text = append(begin, text...)
	for i, piece := range [][]byte{text[:len(text)/3], text[len(text)/3:]} { // cut inside a record
		if err := os.WriteFile(fmt.Sprintf("%s.%d", old, i), piece, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page, result, err := Compare(context.Background(), Pair{Old: old + ".*", New: fresh, Paths: 1000})
	if err != nil || len(result.Changes) != 72 {
		t.Fatalf("%v, %d changes", err, len(result.Changes))
	}
	if u := unpack(t, page); len(u.Files) != 2 || len(u.columns["dst"]) != 402 {
		t.Errorf("files %+v, %d traces", u.Files, len(u.columns["dst"]))
	}
}

// words returns values with blanks between them.
func words(values ...any) string { return strings.TrimSpace(fmt.Sprintln(values...)) }

// address returns an address of IPv4 by its number.
func (u *unpacked) address(n uint32) string {
	var sum uint32
	for i := range n + 1 {
		sum += u.columns["addr4"][i]
	}
	return netip.AddrFrom4([4]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}).String()
}

// A page without room for all traces has those to changed targets, of both scans.
func TestCompareSample(t *testing.T) {
	old, fresh := pairOf(t, 200)
	page, _, err := Compare(context.Background(), Pair{Old: old, New: fresh, Paths: 100})
	if err != nil {
		t.Fatal(err)
	}
	u := unpack(t, page)
	changed := uint32(slices.Index(u.Comparison.Kinds, "changed"))
	sides := map[uint32][2]int{}
	for i, dst := range u.columns["dst"] {
		if n := sides[dst]; u.columns["kind"][i] == changed || u.address(dst) == "192.0.2.77" {
			n[u.columns["file"][i]]++
			sides[dst] = n
		} else {
			t.Errorf("the page has a trace to %s, which did not change", u.address(dst))
		}
	}
	for dst, n := range sides {
		if n != [2]int{1, 1} {
			t.Errorf("%d old and %d new traces to %s", n[0], n[1], u.address(dst))
		}
	}
	if n := len(u.columns["dst"]); n < 98 || n > 100 || u.Totals.Traces != 402 || u.Comparison.Changed != 72 {
		t.Errorf("%d traces of %d, %d changed", n, u.Totals.Traces, u.Comparison.Changed)
	}
}

// No text of the network is in the markup of a comparison.
func TestCompareHostile(t *testing.T) {
	var files [2]string
	for k := range files {
		var list []record.Record
		for i := range 20 {
			tr := hostileTrace()
			tr.Target = addr(fmt.Sprintf("203.0.113.%d", i))
			tr.Hops[0].Responder = addr(fmt.Sprintf("198.51.100.%d", 10+k))
			list = append(list, tr)
		}
		files[k] = write(t, "ndjson", "<img src=x onerror=alert(1)>.ndjson", list...)
	}
	page, result, err := Compare(context.Background(), Pair{Old: files[0], New: files[1], By: compare.ByAS, Paths: 100})
	if err != nil || len(result.Changes) != 20 {
		t.Fatalf("%v, %d changes", err, len(result.Changes))
	}
	cut := func(page []byte) string {
		return regexp.MustCompile(`(?s)id="data">[^<]*<`).ReplaceAllString(string(page), `id="data"><`)
	}
	if cut(page) != cut(changesOf(t)) {
		t.Error("the markup depends on the results")
	}
	if u := unpack(t, page); len(u.Names) == 0 || !strings.Contains(u.Names[0], "alert(1)") {
		t.Errorf("names %q", u.Names)
	}
}

// Standard input cannot be read twice. A cut file makes a page with the fault.
func TestCompareBadInput(t *testing.T) {
	old, fresh := pairOf(t, 140)
	_, result, err := Compare(context.Background(), Pair{Old: "-", New: fresh, Paths: 10})
	if _, ok := errors.AsType[*outfile.RefusedError](err); !ok || result != nil {
		t.Errorf("standard input: %v, %v", result, err)
	}
	text, err := os.ReadFile(old)
	if err == nil {
		err = os.WriteFile(old, text[:len(text)-30], 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	page, result, err := Compare(context.Background(), Pair{Old: old, New: fresh, Paths: 1000})
	if _, ok := errors.AsType[*run.Incomplete](err); !ok || result == nil {
		t.Fatalf("a cut file: %v", err)
	}
	if u := unpack(t, page); len(u.Notes) != 1 || !strings.Contains(u.Notes[0], "old.ndjson") {
		t.Errorf("notes %q", u.Notes)
	}
}

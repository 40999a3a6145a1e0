//go:build tools

package tools

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/format/parquet"
	"github.com/masstrace/masstrace/internal/record"
)

// TestParquet asks every question of the page, and compares the rows of the answers with counts of
// the same records by encoding/json alone.
func TestParquet(t *testing.T) {
	questions := documented(t, "../../docs/parquet.md")
	need(t, "duckdb")
	dir := scanBoth(t)
	for _, table := range parquet.Tables {
		convert(t, dir, table)
	}
	want := answers(t, dir)
	for _, q := range questions {
		t.Run(q.what, func(t *testing.T) {
			began := time.Now()
			got := strings.TrimSpace(q.run(t, dir))
			expected, ok := want[q.what]
			if !ok || got == "" || got != expected {
				t.Errorf("%s\nprints\n%s\nwant\n%s", q.code, got, expected)
			}
			t.Logf("%s: %d rows in %.1f s", q.what, strings.Count(got, "\n")+1, time.Since(began).Seconds())
		})
	}
	t.Run("back", func(t *testing.T) { readBack(t, dir) })
}

// scanBoth makes a file with traces and replies, in a folder.
func scanBoth(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	program, err := filepath.Abs("../../bin/masstrace")
	if err != nil {
		t.Fatal(err)
	}
	in(t, dir, nil, program, "lab", "--", program, "scan", "45.0.0.0/8", "--max-targets", fmt.Sprint(targets), "--rate", "30k",
		"--seed", "tools", "-q", "--records", "both", "-o", "all.ndjson")
	return dir
}

// readBack reads tables that DuckDB wrote anew, with each of its codecs, as traces.
func readBack(t *testing.T, dir string) {
	for _, codec := range []string{"zstd", "snappy", "uncompressed"} {
		e := example{tool: "duckdb", code: fmt.Sprintf(
			"COPY (FROM 'hops.parquet' WHERE dst <> '45.0.0.1') TO 'theirs.%s.parquet' (FORMAT parquet, COMPRESSION %[1]s)", codec)}
		e.run(t, dir)
		hops, traces := 0, 0
		f, err := all.Open(filepath.Join(dir, "theirs."+codec+".parquet"), nil)
		if err != nil {
			t.Fatal(err)
		}
		for {
			r, err := f.Read()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if tr, ok := r.(*record.Trace); ok {
				traces, hops = traces+1, hops+len(tr.Hops)
			}
		}
		count := example{tool: "duckdb", code: fmt.Sprintf("SELECT count(DISTINCT dst), count(addr) FROM 'theirs.%s.parquet'", codec)}
		if want, got := strings.TrimSpace(count.run(t, dir)), fmt.Sprint(traces, " ", hops); got != want {
			t.Errorf("%s: %s traces and hops, want %s", codec, got, want)
		}
	}
}

// convert makes TABLE.parquet of the files of a scan.
func convert(t *testing.T, dir, table string) {
	t.Helper()
	out, err := os.Create(filepath.Join(dir, table+".parquet"))
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	w := parquet.NewWriter(format.Output{Out: out, Table: table})
	in, err := all.Open(filepath.Join(dir, "all.ndjson"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for {
		r, err := in.Read()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = w.Write(r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	info, err := out.Stat()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d bytes in %.1f s", table, info.Size(), time.Since(began).Seconds())
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// counts are numbers by their names.
type counts map[string]int

// sorted returns the counts as rows in the order of less.
func (c counts) sorted(less func(a, b string) int) string {
	keys := make([]string, 0, len(c))
	for key := range c {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, less)
	for i, key := range keys {
		keys[i] = fmt.Sprint(key, " ", c[key])
	}
	return strings.Join(keys, "\n")
}

// most returns the ten greatest counts.
func (c counts) most() string {
	rows := strings.Split(c.sorted(func(a, b string) int { return cmp.Or(cmp.Compare(c[b], c[a]), cmp.Compare(a, b)) }), "\n")
	return strings.Join(rows[:min(len(rows), 10)], "\n")
}

// byNumber orders keys that are numbers.
func byNumber(a, b string) int {
	var x, y int
	fmt.Sscan(a, &x)
	fmt.Sscan(b, &y)
	return cmp.Compare(x, y)
}

// hopLine has the fields of a hop that the questions need.
type hopLine struct {
	Addr     string
	Kind     string
	ProbeTTL int    `json:"probe_ttl"`
	ReplyTTL int    `json:"reply_ttl"`
	RTT      *int64 `json:"rtt_ns"`
	Objects  []struct {
		Labels []struct {
			Label int `json:"mpls_label"`
		} `json:"mpls_labels"`
	} `json:"icmpext"`
}

// line has the fields of any record that the questions need.
type line struct {
	Type          string
	Dst           string
	StopReason    string `json:"stop_reason"`
	StopData      int    `json:"stop_data"`
	HopCount      int    `json:"hop_count"`
	Kind          string
	Hops          []hopLine
	NoReply       [][2]int `json:"no_reply"`
	Loops         [][2]int
	Reached       bool
	Targets, Sent uint64
}

// answers returns the answers to all questions.
func answers(t *testing.T, dir string) map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "all.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	reasons, lengths, kinds, silent := counts{}, counts{}, counts{}, counts{}
	routers, links, addrs, tops := counts{}, counts{}, counts{}, counts{}
	rtts := map[int][]int64{}
	var summary string
	hops, labelled := 0, 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r line
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		switch r.Type {
		case "reply":
			kinds[r.Kind]++
		case "summary":
			summary = fmt.Sprint(r.Targets, " ", r.Sent)
		case "trace-ext":
			for _, s := range r.NoReply {
				silent[fmt.Sprint(s[0])]++
			}
		case "trace":
			reasons[r.StopReason]++
			if r.StopReason == "COMPLETED" {
				lengths[fmt.Sprint(r.HopCount)]++
			}
			seen, pairs := map[string]bool{}, map[string]bool{}
			for i, h := range r.Hops {
				hops++
				addrs[h.Addr]++
				if h.RTT != nil {
					rtts[h.ProbeTTL] = append(rtts[h.ProbeTTL], *h.RTT)
				}
				if h.Addr != r.Dst {
					seen[h.Addr] = true
				}
				for _, near := range r.Hops[:i] {
					if near.ProbeTTL+1 == h.ProbeTTL && near.Addr != h.Addr {
						pairs[near.Addr+" "+h.Addr] = true
					}
				}
				if len(h.Objects) > 0 && len(h.Objects[0].Labels) > 0 {
					labelled++
					tops[fmt.Sprint(h.Objects[0].Labels[0].Label)]++
				}
			}
			for addr := range seen {
				routers[addr]++
			}
			for pair := range pairs {
				links[pair]++
			}
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	medians := counts{}
	for ttl, list := range rtts {
		slices.Sort(list)
		medians[fmt.Sprint(ttl)] = int(math.Round(float64(list[(len(list)+1)/2-1]) / 1e6 * 1000))
	}
	all := 0
	for _, n := range reasons {
		all += n
	}
	return map[string]string{
		"ends": fmt.Sprint(all, " ", reasons["COMPLETED"]), "addresses": fmt.Sprint(hops, " ", len(addrs)),
		"reasons": reasons.sorted(strings.Compare), "rtt": medians.sorted(byNumber), "lengths": lengths.sorted(byNumber),
		"routers": routers.most(), "mpls": fmt.Sprint(labelled, " ", len(tops)), "links": links.most(),
		"silent": silent.sorted(byNumber), "summary": summary, "kinds": kinds.sorted(strings.Compare),
	}
}

package main

import "github.com/masstrace/masstrace/bench"

// row is one line of the table.
type row struct {
	stage
	result
}

// table returns rows as Markdown.
func table(rows []row) string {
	t := bench.Table{Texts: 2, Head: []string{"stage", "benchmark", "ns/op", "MB/s", "B/op", "allocs/op"}}
	last := ""
	for _, r := range rows {
		name := r.stage.name
		if name == last {
			name = ""
		}
		last = r.stage.name
		mbps := ""
		if r.mbps > 0 {
			mbps = bench.Number(r.mbps)
		}
		t.Add(name, r.result.name, bench.Number(r.ns), mbps, bench.Number(r.octets), bench.Number(r.allocs))
	}
	return t.String()
}

// allocating returns the hot benchmarks that allocate.
func allocating(rows []row) []string {
	var all []string
	for _, r := range rows {
		if r.path == hot && r.allocs > 0 {
			all = append(all, r.stage.name+": "+r.result.name)
		}
	}
	return all
}

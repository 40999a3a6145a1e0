package main

import "github.com/masstrace/masstrace/internal/tabular"

// row is one line of the table.
type row struct {
	stage
	result
}

// table returns rows as Markdown.
func table(rows []row) string {
	t := tabular.Table{Columns: "llr", Head: []string{"stage", "benchmark", "ns/op", "MB/s", "B/op", "allocs/op"}}
	last := ""
	for _, r := range rows {
		name := r.stage.name
		if name == last {
			name = ""
		}
		last = r.stage.name
		mbps := ""
		if r.mbps > 0 {
			mbps = tabular.Number(r.mbps)
		}
		t.Add(name, r.result.name, tabular.Number(r.ns), mbps, tabular.Number(r.octets), tabular.Number(r.allocs))
	}
	return t.Markdown()
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

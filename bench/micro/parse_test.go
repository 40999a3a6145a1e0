package main

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const in = `goos: linux
pkg: m/codec
BenchmarkEncode/UDP/IPv4-2         	1000000	       213.1 ns/op	 328.49 MB/s	       0 B/op	       0 allocs/op
BenchmarkEncode/UDP/IPv4-2         	1000000	       211 ns/op	 330 MB/s	       0 B/op	       1 allocs/op
BenchmarkEncode/UDP/IPv4-2         	1000000	       900 ns/op	 100 MB/s	       0 B/op	       0 allocs/op
BenchmarkEncode/one-off-2   	      10	       7 ns/op	       2 units/s	      16 B/op	       2 allocs/op
PASS
ok  	m/codec	0.965s
`
	got, err := parse(strings.NewReader(in))
	want := []result{
		{name: "Encode/UDP/IPv4", ns: 213.1, mbps: 328.49, allocs: 1, runs: 3},
		{name: "Encode/one-off", ns: 7, octets: 16, allocs: 2, runs: 1},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("parse = %+v, %v; want %+v", got, err, want)
	}
	if _, err := parse(strings.NewReader("BenchmarkX-2 1 many ns/op\n")); err == nil {
		t.Error("no error for a value that is no number")
	}
}

func TestTable(t *testing.T) {
	rows := []row{
		{stage{name: "build", path: hot}, result{name: "Encode", ns: 30.25}},
		{stage{name: "build", path: hot}, result{name: "Encode/10⁵", ns: 3_000_000, octets: 16, allocs: 2}},
		{stage{name: "list", path: cold}, result{name: "New", ns: 1e9, allocs: 5}},
	}
	const want = `| stage | benchmark  |         ns/op | MB/s | B/op | allocs/op |
|-------|------------|--------------:|-----:|-----:|----------:|
| build | Encode     |          30.2 |      |    0 |         0 |
|       | Encode/10⁵ |     3,000,000 |      |   16 |         2 |
| list  | New        | 1,000,000,000 |      |    0 |         5 |
`
	if got := table(rows); got != want {
		t.Errorf("table:\n%s\nwant:\n%s", got, want)
	}
	if got, want := allocating(rows), []string{"build: Encode/10⁵"}; !slices.Equal(got, want) {
		t.Errorf("allocating = %q, want %q", got, want)
	}
}

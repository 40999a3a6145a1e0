package main

import "testing"

func TestProfileNames(t *testing.T) {
	seen := map[string]string{}
	for _, s := range stages {
		name := s.file()
		if other, ok := seen[name]; ok {
			t.Errorf("%q and %q are both kept in %s", s.name, other, name)
		}
		seen[name] = s.name
	}
	if got := (stage{name: "NDJSON of a trace, 16 hops"}).file(); got != "ndjson-of-a-trace-hops.txt" {
		t.Error(got)
	}
}

func TestWithoutTimes(t *testing.T) {
	const in = "File: x\nBuild ID: 1\nType: cpu\nTime: now\nDuration: 1s\n      flat  flat%\n  1s 100% f\n"
	if got, want := string(withoutTimes([]byte(in))), "Duration: 1s\n      flat  flat%\n  1s 100% f\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

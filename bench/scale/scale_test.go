package main

import (
	"slices"
	"testing"
)

func TestParseScans(t *testing.T) {
	if s, err := parseScans("10x32,2000x1"); err != nil || !slices.Equal(s, []scan{{10, 32}, {2000, 1}}) {
		t.Errorf("%v, %v", s, err)
	}
	for _, bad := range []string{"", "10", "10x", "x3", "0x1", "1x0", "10x3,"} {
		if _, err := parseScans(bad); err == nil {
			t.Errorf("%q is taken for scans", bad)
		}
	}
}

func TestFacts(t *testing.T) {
	plan := "targets   14489856\nprobes    463675392  32 TTLs × 1 flow(s)\nmemory    453.9 MiB    at most\n\n  target TTL\n"
	names, values := facts(plan, "targets", "probes", "memory", "windows")
	if !slices.Equal(names, []string{"targets", "probes", "memory"}) || !slices.Equal(values, []string{"14489856", "463675392", "453.9 MiB"}) {
		t.Errorf("%q, %q", names, values)
	}
}

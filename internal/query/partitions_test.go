package query

import (
	"slices"
	"strings"
	"testing"
)

// Folders are columns if all files have them, and keep the traces of vantage points apart.
func TestPartitions(t *testing.T) {
	for _, tt := range []struct{ paths, want string }{
		{"r/run=1/vantage_point=a/date=x/hops.parquet r/run=1/vantage_point=b/date=y/hops.parquet", "run vantage_point date"},
		{"vp=a/hops.parquet vp=b/hops.parquet", "vp"},
		{"vp=a/hops.parquet hops.parquet", ""},
		{"hops.parquet vp=a/hops.parquet", ""},
		{"vp=a/hops.parquet point=b/hops.parquet", ""},
		{"a=b=c/hops.parquet", ""},
		{"hops.parquet", ""},
		{"", ""},
	} {
		if got := partitions(strings.Fields(tt.paths)); !slices.Equal(got, strings.Fields(tt.want)) {
			t.Errorf("%s: %q, want %s", tt.paths, got, tt.want)
		}
	}
	s := sources{tables: map[string][]string{"hops": {`r/v"p=a/hops.parquet`}}}
	if text := s.views(); !strings.Contains(text, `loops, "v""p" FROM`) || !strings.Contains(text, "hive_partitioning = true") {
		t.Errorf("views\n%s", text)
	}
}

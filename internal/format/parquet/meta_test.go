package parquet

import (
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/record"
)

// A run replaces the one before, so that a merge of any number of slices has room.
func TestManyRuns(t *testing.T) {
	var m meta
	r := record.Run{Argv: []string{strings.Repeat("x", 1<<20)}}
	for range 2 * mostMeta >> 20 {
		if err := m.add(&r); err != nil {
			t.Fatal(err)
		}
	}
	if m.size > 2<<20 {
		t.Errorf("one run has %d bytes", m.size)
	}
}

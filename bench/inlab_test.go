package bench

import (
	"strings"
	"testing"
)

func TestInside(t *testing.T) {
	t.Setenv("MASSTRACE_LAB", "")
	for _, args := range [][]string{{"inside"}, {"inside", "measured", "file", "true"}, {"inside", "other"}} {
		was, err := Inside(args, func([]string) error { t.Error("ran"); return nil })
		if !was || err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%q: %v, %v; want a refusal", args, was, err)
		}
	}
	for _, args := range [][]string{nil, {"-o", "file"}} {
		if was, err := Inside(args, nil); was || err != nil {
			t.Errorf("%q: %v, %v", args, was, err)
		}
	}
}

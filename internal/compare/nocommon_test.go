package compare

import (
	"strings"
	"testing"
)

// Two scans without a common target have nothing to compare, and the text names the likely cause.
func TestNothingInCommon(t *testing.T) {
	const words = "The scans have no target in common."
	for _, tt := range []struct {
		result Result
		want   bool
	}{
		{Result{OnlyOld: 3, OnlyNew: 4}, true},
		{Result{OnlyOld: 3, OnlyNew: 4, Compared: 1, Same: 1}, false},
		{Result{}, false},
	} {
		var b strings.Builder
		if err := tt.result.Text(&b); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(b.String(), words); got != tt.want {
			t.Errorf("%+v: %s", tt.result, b.String())
		}
	}
}

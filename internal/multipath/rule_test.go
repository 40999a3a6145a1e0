package multipath

import (
	"math"
	"slices"
	"testing"
)

func TestRuleFlows(t *testing.T) {
	tests := []struct {
		name       string
		confidence float64
		scope      Scope
		want       []int // from k = 1
	}{
		{"95 %", 0.95, PerBalancer, []int{6, 11, 16, 21, 27, 33, 39, 45, 51, 57, 63, 70, 77, 83, 90, 97}},
		{"99 %", 0.99, PerBalancer, []int{8, 15, 21, 28, 36, 43, 51}},
		{"95 % of traces", 0.95, PerTrace, []int{8, 15, 21, 28, 35, 43, 50}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewRule(tt.confidence, tt.scope, len(tt.want))
			var got []int
			for k := range tt.want {
				got = append(got, r.Flows(k+1))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("flows: %v, want %v", got, tt.want)
			}
		})
	}
}

// TestRuleFailure holds the failure probability below the bound at every width.
func TestRuleFailure(t *testing.T) {
	r := NewRule(0.95, PerBalancer, MaxBranches)
	for width, want := range map[int]float64{2: 0.0312, 4: 0.0424, 8: 0.0441, 16: 0.0475} {
		if got := r.Failure(width); math.Abs(got-want) > 1e-4 {
			t.Errorf("failure at %d branches: %.5f, want %.4f", width, got, want)
		}
	}
	for width := 2; width <= MaxBranches; width++ {
		if got := r.Failure(width); got > 0.05 {
			t.Errorf("failure at %d branches: %.5f, above 0.05", width, got)
		}
	}
	if n := r.Flows(MaxBranches); n > MaxFlows {
		t.Errorf("%d branches take %d flows, more than there are", MaxBranches, n)
	}
}

func TestRuleConfidence(t *testing.T) {
	r := NewRule(0.95, PerBalancer, MaxBranches)
	for k := 1; k <= MaxBranches; k++ {
		if got, exact := r.Confidence(k, r.Flows(k)), 1-r.failure(k+1, k); k < MaxBranches && got > exact+1e-9 {
			t.Errorf("confidence at %d branches: %.6f, above the exact %.6f", k, got, exact)
		}
		if got := r.Confidence(k, 0); got != 0 {
			t.Errorf("confidence at %d branches without answers: %v", k, got)
		}
	}
	if got := r.Confidence(1000, 5000); got < 0 || got > 1 {
		t.Errorf("confidence beyond the table: %v", got)
	}
}

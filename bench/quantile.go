package bench

import "slices"

// Median returns the middle of v, the mean of the two in the middle if there are
// two, 0 if v is empty.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// Quantile returns the smallest value that at least the fraction q of v does not exceed. q is
// from 0 to 1. If v is empty, Quantile returns 0.
func Quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Sorted(slices.Values(v))
	at := int(q*float64(len(v))+0.999999) - 1
	return v[min(max(at, 0), len(v)-1)]
}

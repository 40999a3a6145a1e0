package tabular

import (
	"fmt"
	"strconv"
)

// Count writes n with a comma between thousands.
func Count(n uint64) string { return group(strconv.FormatUint(n, 10)) }

// Number writes v, which is not negative, with three digits or, from 100 on, whole, with a
// comma between thousands.
func Number(v float64) string {
	isWhole := v == float64(int(v))
	switch {
	case v < 10 && !isWhole:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 100 && !isWhole:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return group(strconv.FormatFloat(v, 'f', 0, 64))
}

// group puts a comma between thousands.
func group(digits string) string {
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// Ratio writes v as a factor, with two decimals.
func Ratio(v float64) string { return strconv.FormatFloat(v, 'f', 2, 64) + "×" }

// Percent writes the share of n in all with two decimals; nothing if all is 0.
func Percent(n, all uint64) string {
	if all == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(all))
}

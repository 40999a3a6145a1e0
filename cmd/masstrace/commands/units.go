package commands

import (
	"fmt"
	"math"
	"time"

	"github.com/masstrace/masstrace/internal/tabular"
)

// timeWords writes a time in seconds in the two largest units that matter.
func timeWords(seconds float64) string {
	const minute, hour, day, year = 60, 3600, 86400, 365.25 * 86400
	switch s := seconds; {
	case s < minute:
		return fmt.Sprintf("%.1f s", s)
	case s < hour:
		return twoUnits(s, minute, "min", 1, "s")
	case s < day:
		return twoUnits(s, hour, "h", minute, "min")
	case s < 100*day:
		return twoUnits(s, day, "days", hour, "h")
	case s < year:
		return fmt.Sprintf("%.0f days", s/day)
	case s < 10*year:
		return fmt.Sprintf("%.1f years", s/year)
	default:
		return tabular.Count(uint64(math.Round(s/year))) + " years"
	}
}

// twoUnits writes a time in a large unit and the rest in a small one.
func twoUnits(seconds, large float64, name string, small float64, rest string) string {
	n := math.Round(seconds / small)
	per := large / small
	whole, part := math.Floor(n/per), math.Mod(n, per)
	if name == "days" && whole == 1 {
		name = "day"
	}
	if part == 0 {
		return fmt.Sprintf("%.0f %s", whole, name)
	}
	return fmt.Sprintf("%.0f %s %.0f %s", whole, name, part, rest)
}

// durationWords is timeWords of a duration. A plan gives half the longest Duration for longer
// times.
func durationWords(d time.Duration) string {
	if d >= math.MaxInt64/2 {
		return "more than " + timeWords(d.Seconds())
	}
	return timeWords(d.Seconds())
}

// sizeWords writes a number of bytes.
func sizeWords(bytes float64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB", "PB"}
	for i, unit := range units {
		if bytes < 999.5 || i == len(units)-1 {
			if i == 0 || bytes >= 99.5 {
				return fmt.Sprintf("%s %s", tabular.Count(uint64(math.Round(bytes))), unit)
			}
			return fmt.Sprintf("%.1f %s", bytes, unit)
		}
		bytes /= 1000
	}
	return ""
}

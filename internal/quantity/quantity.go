// Package quantity reads numbers and times as people write them: 1.5M, 64K, 500ms, 1d12h. Its
// errors quote the text, and state an example of the form.
package quantity

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// The factors from one of the letters K, M, G and T to the next.
const (
	Decimal = 1000
	Binary  = 1024
)

// most is the largest number that Parse returns. A float64 has all whole numbers up to 2⁵³.
const most = 1 << 53

// Parse reads a number from 0. It may end in K, M, G or T, and then in one of units. Upper and lower
// case of text are the same; units are in lower case.
func Parse(text string, factor float64, units ...string) (float64, error) {
	digits, scale := strings.ToLower(text), 1.0
	for _, u := range units {
		if trimmed, ok := strings.CutSuffix(digits, u); ok {
			digits = trimmed
			break
		}
	}
	if n := len(digits); n > 0 {
		if i := strings.IndexByte("kmgt", digits[n-1]); i >= 0 {
			digits = digits[:n-1]
			for range i + 1 {
				scale *= factor
			}
		}
	}
	v, err := number(digits)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a number, such as 500, 10K or 1.5M", text)
	case v < 0:
		return 0, fmt.Errorf("%q must not be negative", text)
	case v*scale > most:
		return 0, fmt.Errorf("%q is too large", text)
	}
	return v * scale, nil
}

// ParseWhole is Parse for whole numbers.
func ParseWhole(text string, factor float64, units ...string) (uint64, error) {
	v, err := Parse(text, factor, units...)
	if err == nil && v != math.Trunc(v) {
		err = fmt.Errorf("%q is not a whole number", text)
	}
	return uint64(v), err
}

// errNumber is the error of number.
var errNumber = errors.New("not a decimal number")

// number reads a decimal number. A number that is too large is infinite. It takes none of the other
// forms of strconv: hexadecimal digits, underscores, and words such as inf.
func number(text string) (float64, error) {
	if strings.Trim(text, "0123456789.eE+-") != "" {
		return 0, errNumber
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errNumber
	}
	return v, nil
}

// longest is less than the longest time.Duration.
const longest = 1e9 * time.Second

// errTooLong is an error of duration.
var errTooLong = errors.New("too long")

// ParseTime reads a time from 0: a number of seconds, or numbers with units as time.ParseDuration
// takes them, with days (d) before them.
func ParseTime(text string) (time.Duration, error) {
	d, err := duration(strings.ToLower(text))
	switch {
	case errors.Is(err, errTooLong):
		return 0, fmt.Errorf("%q is too long", text)
	case err != nil:
		return 0, fmt.Errorf("%q is not a time: a number of seconds, or one with a unit, such as 500ms, 90s, 1h30m or 2d", text)
	case d < 0:
		return 0, fmt.Errorf("%q must not be negative", text)
	}
	return d, nil
}

// duration returns the time that text in lower case stands for. It may be negative.
func duration(text string) (time.Duration, error) {
	if seconds, err := number(text); err == nil {
		return multiple(seconds, time.Second)
	}
	var days time.Duration
	if first, rest, ok := strings.Cut(text, "d"); ok {
		n, err := number(first)
		if err != nil {
			return 0, err
		}
		if days, err = multiple(n, 24*time.Hour); err != nil || rest == "" {
			return days, err
		}
		text = rest
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, err
	case days != 0 && strings.Trim(text[:1], "+-") == "":
		return 0, errors.New("a sign after the days")
	case d > longest-days:
		return 0, errTooLong
	}
	return days + d, nil
}

// multiple returns n units of time.
func multiple(n float64, unit time.Duration) (time.Duration, error) {
	v := n * float64(unit)
	if math.Abs(v) > float64(longest) {
		return 0, errTooLong
	}
	return time.Duration(v), nil
}

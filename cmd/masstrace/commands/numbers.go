package commands

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// rate is in packets a second. The value 0 means no limit.
type rate float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *rate) UnmarshalText(text []byte) error {
	v, err := scaled(string(text), 1000, "pps", "/s")
	*r = rate(v)
	return err
}

// rateOrAuto is a rate, or the word auto.
type rateOrAuto rate

// autoRate stands for the word auto: no other rate is negative.
const autoRate rateOrAuto = -1

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *rateOrAuto) UnmarshalText(text []byte) error {
	if strings.EqualFold(string(text), "auto") {
		*r = autoRate
		return nil
	}
	return (*rate)(r).UnmarshalText(text)
}

// most returns the rate, or the upper limit of auto.
func (r rateOrAuto) most(limit rate) float64 {
	switch {
	case r != autoRate:
		return float64(r)
	case limit == 0:
		return 100_000
	}
	return float64(limit)
}

// bandwidth is in bits a second.
type bandwidth float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *bandwidth) UnmarshalText(text []byte) error {
	v, err := scaled(string(text), 1000, "bit/s", "bps", "bit")
	if err == nil && v <= 0 {
		err = fmt.Errorf("%q must be more than 0", text)
	}
	*b = bandwidth(v)
	return err
}

// byteSize is in octets. K is 1024.
type byteSize uint64

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *byteSize) UnmarshalText(text []byte) error {
	v, err := scaled(string(text), 1024, "ib", "b")
	*b = byteSize(v)
	return err
}

// count is a number of things.
type count uint64

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *count) UnmarshalText(text []byte) error {
	v, err := scaled(string(text), 1000)
	if err == nil && v != math.Trunc(v) {
		err = fmt.Errorf("%q is not a whole number", text)
	}
	*c = count(v)
	return err
}

// number is a name that is a whole number, up to 64 bits.
type number uint64

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *number) UnmarshalText(text []byte) error {
	v, err := strconv.ParseUint(string(text), 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return fmt.Errorf("%q is too large: the largest number is %d", text, uint64(math.MaxUint64))
	case err != nil:
		return fmt.Errorf("%q is not a whole number from 0", text)
	}
	*n = number(v)
	return nil
}

// mostScaled is the largest number that scaled returns. A float64 has all whole numbers up to 2⁵³.
const mostScaled = 1 << 53

// scaled reads a number from 0 that may end in K, M, G or T, which stand for powers of unit, and
// then in one of units. It takes upper and lower case.
func scaled(text string, unit float64, units ...string) (float64, error) {
	digits, factor := strings.ToLower(text), 1.0
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
				factor *= unit
			}
		}
	}
	v, err := decimal(digits)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a number, such as 500, 10K or 1.5M", text)
	case math.Signbit(v) && v != 0:
		return 0, fmt.Errorf("%q must not be negative", text)
	case v*factor > mostScaled:
		return 0, fmt.Errorf("%q is too large", text)
	}
	return v * factor, nil
}

// errNotDecimal is the error of decimal.
var errNotDecimal = errors.New("not a decimal number")

// decimal reads a decimal number. A number that is too large is infinite. It takes none of the other
// forms of strconv: hexadecimal digits, underscores, and words such as inf.
func decimal(text string) (float64, error) {
	if strings.Trim(text, "0123456789.eE+-") != "" || strings.Contains(text, "_") {
		return 0, errNotDecimal
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errNotDecimal
	}
	return v, nil
}

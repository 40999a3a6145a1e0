package commands

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/quantity"
)

// rate is in packets a second. The value 0 means no limit.
type rate float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *rate) UnmarshalText(text []byte) error {
	v, err := quantity.Parse(string(text), quantity.Decimal, "pps", "/s")
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
	v, err := quantity.Parse(string(text), quantity.Decimal, "bit/s", "bps", "bit")
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
	v, err := quantity.Parse(string(text), quantity.Binary, "ib", "b")
	*b = byteSize(v)
	return err
}

// count is a number of things.
type count uint64

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *count) UnmarshalText(text []byte) error {
	v, err := quantity.ParseWhole(string(text), quantity.Decimal)
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

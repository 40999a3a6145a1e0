package commands

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/quantity"
	"github.com/masstrace/masstrace/internal/traceroute"
)

// timespan is a time from 0: a number of seconds, or numbers with units, such as 1d12h.
type timespan time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *timespan) UnmarshalText(text []byte) error {
	d, err := quantity.ParseTime(string(text))
	*t = timespan(d)
	return err
}

// wait is traceroute's -w: MAX in seconds, and factors. As there, MAX alone is
// waited out.
type wait traceroute.Patience

// patience returns w, or the default if no -w was given.
func (w wait) patience() traceroute.Patience {
	if w.Max == 0 {
		return traceroute.Patience{Max: 5 * time.Second, Here: 3, Near: 10, Far: 4}
	}
	return traceroute.Patience(w)
}

// Bounds of -w.
const (
	leastWait   = time.Millisecond
	longestWait = 24 * time.Hour
	mostFactor  = 86400
)

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *wait) UnmarshalText(text []byte) error {
	longest, rest, _ := strings.Cut(string(text), ",")
	var t timespan
	err := t.UnmarshalText([]byte(longest))
	factors := make([]float64, 0, 2)
	for rest != "" && err == nil {
		var part string
		part, rest, _ = strings.Cut(rest, ",")
		var v float64
		if v, err = quantity.Parse(part, quantity.Decimal); v > mostFactor || len(factors) == cap(factors) {
			err = errors.New("not a factor")
		}
		factors = append(factors, v)
	}
	if err != nil {
		return fmt.Errorf("%q is not MAX[,HERE[,NEAR]]: a time (such as 2 or 500ms) and up to two factors", text)
	}
	if d := time.Duration(t); d < leastWait || d > longestWait {
		return fmt.Errorf("%q must be within %v to %v", longest, leastWait, longestWait)
	}
	factors = append(factors, 0, 0)
	*w = wait{Max: time.Duration(t), Here: factors[0], Near: factors[1]}
	return nil
}

// speed is a factor of time, 0 or more; 0 is as fast as possible.
type speed float64

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *speed) UnmarshalText(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(v >= 0 && v <= 1e6) || strings.Contains(string(text), "_") {
		return fmt.Errorf("%q is not a speed, a number from 0 to 1000000", text)
	}
	*s = speed(v)
	return nil
}

package commands

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/traceroute"
)

// timespan is a time from 0: a number of seconds, or numbers with units, such as 1d12h.
type timespan time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *timespan) UnmarshalText(text []byte) error {
	d, err := duration(strings.ToLower(string(text)))
	switch {
	case errors.Is(err, errTooLong):
		return fmt.Errorf("%q is too long", text)
	case err != nil:
		return fmt.Errorf("%q is not a time: a number of seconds, or one with a unit, such as 500ms, 90s, 1h30m or 2d", text)
	case d < 0:
		return fmt.Errorf("%q must not be negative", text)
	}
	*t = timespan(d)
	return nil
}

// mostSeconds is less than the longest time.Duration.
const mostSeconds = 1e9

// errTooLong is an error of duration.
var errTooLong = errors.New("too long")

// duration returns the time that text stands for.
func duration(text string) (time.Duration, error) {
	if seconds, err := decimal(text); err == nil {
		return inSeconds(seconds, 1)
	}
	var days time.Duration
	if first, rest, ok := strings.Cut(text, "d"); ok {
		n, err := decimal(first)
		if err != nil {
			return 0, err
		}
		if days, err = inSeconds(n, 24*60*60); err != nil || rest == "" {
			return days, err
		}
		text = rest
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, err
	case days != 0 && d < 0:
		return 0, errors.New("a sign after the days")
	}
	return inSeconds((days + d).Seconds(), 1)
}

// inSeconds returns the time of n units of that many seconds.
func inSeconds(n, unit float64) (time.Duration, error) {
	if n*unit > mostSeconds || n*unit < -mostSeconds {
		return 0, errTooLong
	}
	return time.Duration(n * unit * float64(time.Second)), nil
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
		if v, err = decimal(part); v < 0 || v > mostFactor || len(factors) == cap(factors) {
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

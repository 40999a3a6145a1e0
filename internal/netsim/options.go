package netsim

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/masstrace/masstrace/internal/quantity"
)

// Named is a name and its meaning, for people.
type Named struct{ Name, Meaning string }

// Option is a field of Config, for people and command lines.
type Option struct {
	Named
	Heading string // of the options from here on; empty if it stays the same
	Unit    string // of Value; "time" is a number with a unit, such as 270ms
	Value   string
}

// Options returns the fields of c in their order. The names are in lower case, with dashes
// between words: MaxHops is max-hops.
func (c *Config) Options() []Option {
	v := reflect.ValueOf(*c)
	var list []Option
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !isOption(&f) {
			continue
		}
		list = append(list, Option{
			Named:   Named{Name: optionName(f.Name), Meaning: f.Tag.Get("meaning")},
			Heading: f.Tag.Get("heading"),
			Unit:    f.Tag.Get("unit"),
			Value:   fmt.Sprint(v.Field(i).Interface()),
		})
	}
	return list
}

// isOption reports whether a field of Config is an option.
func isOption(f *reflect.StructField) bool { return f.Tag.Get("meaning") != "" }

// optionName returns the name of a field as an option.
func optionName(field string) string {
	var b strings.Builder
	runes := []rune(field)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// UnknownOptionError is the error about an option that no network has.
type UnknownOptionError struct {
	Name    string
	Nearest string // an option with a similar name
}

// Error implements error.
func (e *UnknownOptionError) Error() string {
	return fmt.Sprintf("the simulated Internet has no option %q; the nearest is %s", e.Name, e.Nearest)
}

// SetOption sets a field by the name that Options has; other dashes and upper case do not matter.
// The error is an *UnknownOptionError, or states which values the option takes.
func (c *Config) SetOption(name, text string) error {
	plain := strings.ReplaceAll(name, "-", "")
	v := reflect.ValueOf(c).Elem()
	f, ok := v.Type().FieldByNameFunc(func(f string) bool { return strings.EqualFold(f, plain) })
	if !ok || !isOption(&f) {
		return &UnknownOptionError{Name: name, Nearest: c.nearest(name)}
	}
	if err := set(v.FieldByIndex(f.Index).Addr().Interface(), text); err != nil {
		return fmt.Errorf("option %s: %w", name, err)
	}
	return nil
}

// set reads the value of an option.
func set(option any, text string) (err error) {
	switch v := option.(type) {
	case *time.Duration:
		*v, err = quantity.ParseTime(text)
	case *Moment:
		if *v = 0; text != "never" {
			var d time.Duration
			d, err = quantity.ParseTime(text)
			*v = After(d)
		}
	case *float64:
		*v, err = quantity.Parse(text, quantity.Decimal)
	case *int:
		var n uint64
		n, err = quantity.ParseWhole(text, quantity.Decimal)
		*v = int(n)
	case *uint64: // a seed: up to 64 bits
		if *v, err = strconv.ParseUint(text, 10, 64); err != nil {
			err = fmt.Errorf("%q is not a whole number, 0 to %d", text, uint64(math.MaxUint64))
		}
	default:
		err = errors.New("cannot be set")
	}
	return err
}

// nearest returns the option whose name is most similar to name.
func (c *Config) nearest(name string) (best string) {
	least := -1
	for _, o := range c.Options() {
		d := edits(strings.ToLower(name), o.Name)
		if strings.Contains(o.Name, strings.ToLower(name)) {
			d = 1 // part of a name, such as loss
		}
		if least < 0 || d < least {
			best, least = o.Name, d
		}
	}
	return best
}

// edits returns the least number of characters to insert, delete or replace that makes b from a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

package internet

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/netsim"
	"github.com/masstrace/masstrace/internal/quantity"
)

// Presets returns the names of the presets.
func Presets() []string { return netsim.PresetNames() }

// New returns the options of a preset behind a link, with assignments applied (see Assign). If seed
// is not nil, it replaces the seed of the preset.
func New(link, preset string, seed *uint64, assignments []string) (Options, error) {
	o := Options{Link: link}
	var err error
	if o.Network, err = netsim.Preset(preset); err != nil {
		return o, err
	}
	if seed != nil {
		o.Network.Seed = *seed
	}
	for _, a := range assignments {
		if err := Assign(&o.Network, a); err != nil {
			return o, err
		}
	}
	return o, o.Network.Validate()
}

// Assign sets a field of cfg by an assignment "name=value". The name is that of the field, in any
// case, with dashes anywhere: silent-routers=0.2.
func Assign(cfg *netsim.Config, assignment string) error {
	name, text, ok := strings.Cut(assignment, "=")
	if !ok {
		return fmt.Errorf("%q is not name=value", assignment)
	}
	plain := strings.ReplaceAll(name, "-", "")
	field := reflect.ValueOf(cfg).Elem().FieldByNameFunc(func(f string) bool {
		return strings.EqualFold(f, plain)
	})
	if !field.IsValid() {
		return fmt.Errorf("the simulated Internet has no option %q", name)
	}
	if err := set(field.Addr().Interface(), text); err != nil {
		return fmt.Errorf("option %s: %w", name, err)
	}
	return nil
}

// set reads the value of an option.
func set(option any, text string) (err error) {
	switch v := option.(type) {
	case *time.Duration:
		*v, err = quantity.ParseTime(text)
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

package internet

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/masstrace/masstrace/internal/netsim"
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
	var err error
	switch v := field.Addr().Interface().(type) {
	case *time.Duration:
		*v, err = time.ParseDuration(text)
	case *float64:
		*v, err = strconv.ParseFloat(text, 64)
	case *int:
		*v, err = strconv.Atoi(text)
	case *uint64:
		*v, err = strconv.ParseUint(text, 10, 64)
	default:
		err = fmt.Errorf("cannot be set")
	}
	if err != nil {
		return fmt.Errorf("option %s: %w", name, err)
	}
	return nil
}

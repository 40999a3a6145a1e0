package internet

import (
	"fmt"
	"strings"

	"github.com/masstrace/masstrace/internal/netsim"
)

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

// Assign sets an option of cfg by an assignment "name=value", see [netsim.Config.SetOption].
func Assign(cfg *netsim.Config, assignment string) error {
	name, text, ok := strings.Cut(assignment, "=")
	if !ok {
		return fmt.Errorf("%q is not name=value", assignment)
	}
	return cfg.SetOption(name, text)
}

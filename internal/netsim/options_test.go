package netsim

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// Every option and preset has a meaning, every option a known unit, and each name sets its field.
func TestOptions(t *testing.T) {
	units := []string{"number", "hops", "branches", "share", "weight", "per s", "packets", "time"}
	cfg := Default()
	options := cfg.Options()
	for i, o := range options {
		if o.Meaning == "" || strings.HasSuffix(o.Meaning, ".") || !slices.Contains(units, o.Unit) {
			t.Errorf("option %s: meaning %q, unit %q", o.Name, o.Meaning, o.Unit)
		}
		if i == 0 && o.Heading == "" {
			t.Error("the first option has no heading")
		}
		var other Config
		if err := other.SetOption(o.Name, o.Value); err != nil {
			t.Errorf("%s=%s: %v", o.Name, o.Value, err)
		}
		if got := other.Options()[i]; got != o {
			t.Errorf("%s=%s gives %+v, want %+v", o.Name, o.Value, got, o)
		}
	}
	for _, p := range Presets() {
		if p.Meaning == "" {
			t.Errorf("preset %s has no meaning", p.Name)
		}
	}
}

func TestSetOptionErrors(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"max-hops", "1.5", `option max-hops: "1.5" is not a whole number`},
		{"loss-forward", "abc", `option loss-forward: "abc" is not a number, such as 500, 10K or 1.5M`},
		{"delay", "abc", `option delay: "abc" is not a time: a number of seconds, or one with a unit, such as 500ms, 90s, 1h30m or 2d`},
		{"seed", "-1", `option seed: "-1" is not a whole number, 0 to 18446744073709551615`},
		{"loss", "1", `the simulated Internet has no option "loss"; the nearest is loss-forward`},
		{"max-hop", "1", `the simulated Internet has no option "max-hop"; the nearest is max-hops`},
		{"natsauce", "1", `the simulated Internet has no option "natsauce"; the nearest is nat-source`},
	} {
		cfg := Default()
		err := cfg.SetOption(tt.name, tt.value)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s=%s: %v, want %s", tt.name, tt.value, err, tt.want)
		}
		if unknown := new(UnknownOptionError); errors.As(err, &unknown) != strings.Contains(tt.want, "no option") {
			t.Errorf("%s=%s: error of type %T", tt.name, tt.value, err)
		}
	}
}

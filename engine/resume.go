package engine

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/masstrace/masstrace/internal/outfile"
)

// resumeKeeper returns the keeper of a run that goes on.
func resumeKeeper(c *Config) (*keeper, error) {
	was, err := loadCheckpoint(c.Resume)
	if err != nil {
		return nil, err
	}
	k := &keeper{checkpoint: *was, path: c.Resume, resumed: true, before: was.Counters}
	if c.Seed == "" {
		c.Seed = k.Seed
	}
	if c.Key == "" {
		c.Key = k.Key
	}
	return k, nil
}

// agree says in what the run that is asked for differs from the one that began.
func (k *keeper) agree(c *Config, p *plan) error {
	if !k.resumes() {
		return nil
	}
	var differ []string
	for _, d := range []struct {
		what    string
		differs bool
	}{
		{"the targets", p.include.Digest() != k.TargetsSHA256},
		{"the excludes", p.exclude.Digest() != k.ExcludeSHA256},
		{"--seed", c.Seed != k.Seed},
		{"--key", c.Key != k.Key},
	} {
		if d.differs {
			differ = append(differ, d.what)
		}
	}
	now := c.options()
	for flag := range k.Options {
		if _, ok := now[flag]; !ok {
			now[flag] = ""
		}
	}
	for _, flag := range slices.Sorted(maps.Keys(now)) {
		if now[flag] != k.Options[flag] {
			differ = append(differ, fmt.Sprintf("--%s (%s, and was %s)", flag, now[flag], k.Options[flag]))
		}
	}
	if len(differ) == 0 && p.shape.Targets != k.WindowTargets {
		differ = append(differ, fmt.Sprintf("the size of windows (%d targets, and was %d)", p.shape.Targets, k.WindowTargets))
	}
	if len(differ) == 0 && k.Windows > p.windows {
		differ = append(differ, fmt.Sprintf("the number of windows (%d, and was %d)", p.windows, k.Windows))
	}
	return k.differ(differ)
}

// sameSource says if probes would have other sources now.
func (k *keeper) sameSource(now *paths) error {
	if !k.resumes() || now.source4 == k.Source4 && now.source6 == k.Source6 {
		return nil
	}
	return k.differ([]string{fmt.Sprintf("--source (%s %s, and was %s %s)",
		now.source4, now.source6, k.Source4, k.Source6)})
}

func (k *keeper) differ(what []string) error {
	if len(what) == 0 {
		return nil
	}
	return usage("--resume %s: not the run that it goes on with; what differs: %s", k.path, strings.Join(what, ", "))
}

// perProcess are the fields of Config that may differ between the processes of a
// run: they say how it is carried out, not what is probed and recorded. Those
// that are compared by other means are among them.
var perProcess = []string{
	"Targets", "Exclude", "Seed", "Key", "Sources", "Output", // compared as what they mean
	"MaxRuntime", "Interface", "GatewayMAC", "Queue", "IO", "Senders", "ReceiveBuffer", "Quiet",
	"Checkpoint", "Resume", "Privileges", "Probes", "Capture", "Argv", "Version", "Streams",
}

// flagNames are those of fields with another name than their flag.
var flagNames = map[string]string{
	"RatePPS": "rate", "DstPort": "dport", "PortLow": "source-port-range", "PortHigh": "source-port-range",
	"Shards": "shard", "Granularity4": "granularity4", "Granularity6": "granularity6",
}

// options returns what c asks for by flag, in so far as it makes one run differ
// from another: all fields that are values, and not perProcess.
func (c *Config) options() map[string]string {
	o := map[string]string{"output": outfile.Packing(c.Output)}
	v := reflect.ValueOf(*c)
	for i := range v.NumField() {
		field := v.Type().Field(i).Name
		if slices.Contains(perProcess, field) {
			continue
		}
		switch v.Field(i).Kind() {
		case reflect.Func, reflect.Chan, reflect.Pointer, reflect.Interface:
			continue
		}
		name, ok := flagNames[field]
		if !ok {
			name = flagName(field)
		}
		o[name] = strings.TrimSpace(o[name] + " " + fmt.Sprint(v.Field(i).Interface()))
	}
	return o
}

// flagName turns MinTTL into min-ttl.
func flagName(field string) string {
	var b strings.Builder
	runes := []rune(field)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && !unicode.IsUpper(runes[i-1]) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Package follow is the program that follows the paths to a list of targets within a budget of
// probes, and writes their changes. Package engine decides what to ask; this package sends, matches
// the answers, writes records, and keeps the state.
package follow

import (
	"io"
	"iter"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/session"
)

// Config is the request. The Plan has targets, method, TTLs, wait and, as its rate, the budget.
type Config struct {
	Plan plan.Config
	Link session.Config

	MaxRuntime    time.Duration // after which the program ends; 0 is never
	SnapshotEvery time.Duration // between two records of all current paths; 0 is never
	State         string        // file of the state; "" for none
	OnChange      string        // command, or URL, that gets each change; "" for none

	Output   string // file of NDJSON, or - for Stdout
	Stdout   io.Writer
	Existing outfile.Existing
	Uses     []outfile.Use // files of the caller, which no output may be

	// Following, unless it is nil, is called before the first probe. It gets the states of the targets,
	// which it may go through at any time, from any goroutine.
	Following func(states iter.Seq[State])

	Opened   func() error
	Observer observe.Observer
	Tool     string
	Argv     []string
}

// CheckFiles refuses files that collide.
func (c *Config) CheckFiles() error {
	return outfile.Collide(slices.Concat(outfile.Writes("Output", c.Output), outfile.Writes("State", c.State), c.Uses,
		outfile.Reads("Targets", c.Plan.Targets...), outfile.Reads("Exclude", c.Plan.Exclude...)), c.Plan.Stdin, c.Stdout)
}

// saveEvery is how often the state is kept: so much is lost at most.
const saveEvery = 10 * time.Second

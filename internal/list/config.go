// Package list is the program that sends the single probes that a list names, instead of
// tracing targets.
package list

import (
	"io"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/session"
)

// Config is the request of a run.
type Config struct {
	Probes        string // file, or - for Stdin
	Stdin         io.Reader
	Exclude       []string // files, -, or addresses, prefixes and ranges
	AllowReserved bool
	Key           string // 32 hexadecimal digits, random if empty
	TOS           uint8

	RatePPS    float64 // 0 is unlimited
	Bandwidth  float64 // bit/s on the wire; if not 0, it sets the rate
	Burst      int
	Wait       time.Duration
	MaxRuntime time.Duration // after which no more probes are sent; 0 is never

	Link    session.Config
	Sources []netip.Addr

	Output string // file, or - for Stdout
	// ReplyOutput and MetaOutput are files as those of a scan; "" for none.
	ReplyOutput, MetaOutput string
	Stdout                  io.Writer
	// Existing is the rule for existing files of these and of Capture.
	Existing outfile.Existing
	Records  record.Kinds
	Capture  string // file for a copy of all packets; "" for none

	// Annotate, unless it is nil, changes each record before it is written. Databases are the files
	// that it comes from.
	Annotate  func(record.Record)
	Databases []string

	// Opened, unless it is nil, is called once everything is open that needs privileges.
	Opened func() error
	// A value on Reread asks to read the exclusions again; nil never asks.
	Reread   <-chan os.Signal
	Observer observe.Observer // nil for none

	Tool string   // name/version, for the run record
	Argv []string // likewise
}

// withDefaults fills in values that the caller left out, and values that the parts share.
func (c *Config) withDefaults() {
	if c.Observer == nil {
		c.Observer = observe.Nobody{}
	}
	if c.Opened == nil {
		c.Opened = func() error { return nil }
	}
	if c.Key == "" {
		c.Key = plan.RandomHex(16)
	}
	c.Records = c.paths().Kinds(c.Records)
	c.Link.Sources, c.Link.Senders = c.Sources, 1
}

// lists returns the part that reads exclusions.
func (c *Config) lists() *plan.Config {
	return &plan.Config{Exclude: c.Exclude, Stdin: c.Stdin, AllowReserved: c.AllowReserved}
}

// paths returns the files of the results.
func (c *Config) paths() fileset.Paths {
	return fileset.Paths{Output: c.Output, Replies: c.ReplyOutput, Meta: c.MetaOutput, Annotated: c.Annotate != nil}
}

// CheckFiles refuses names of output files, and files that collide. Run calls it, too.
func (c *Config) CheckFiles() error {
	if err := c.paths().Check(); err != nil {
		return err
	}
	if _, err := outfile.FormatOf(outfile.Captures, "Capture", c.Capture); err != nil {
		return err
	}
	return outfile.Collide(c.files(), c.Stdin, c.Stdout)
}

// files returns the files of the run.
func (c *Config) files() []outfile.Use {
	return slices.Concat(
		c.paths().Uses(), outfile.Writes("Capture", capture.Files(c.Capture)...),
		outfile.Reads("Probes", c.Probes), outfile.Reads("Exclude", c.Exclude...),
		outfile.Reads("Databases", c.Databases...),
	)
}

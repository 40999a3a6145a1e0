// Package scan is the program that traces every target of some lists. It connects the
// stages: it makes windows, starts and supervises every goroutine, and holds the remaining
// data of a finished run.
//
//	opener ─▶ scheduler+sender ─▶ link ··▶ receiver+matcher ─▶ recorder ─┐
//	  ▲                       windows                                    │
//	  └────────────────────────── cleared ◀──────────────────────────────┘
package scan

import (
	"io"
	"os"
	"slices"
	"time"

	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/checkpoint"
	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/session"
	"github.com/masstrace/masstrace/internal/verdict"
)

// Config is the request of a scan.
type Config struct {
	plan.Config
	Link       session.Config // its Sources and Senders are those of the plan
	MaxRuntime time.Duration  // after which no more probes are sent; 0 is never

	Output string // file in the format of its ending, or - for Stdout; "" for none
	// ReplyOutput and MetaOutput are files for the replies, and for all records but traces and
	// replies. These records are then not in Output. "" for none.
	ReplyOutput, MetaOutput string
	Stdout                  io.Writer
	// Existing is the rule for existing files of these, of Capture (with its key) and Checkpoint.
	Existing outfile.Existing
	// Annotate, unless it is nil, changes each record before it is written. Databases are the files
	// that it comes from.
	Annotate  func(record.Record)
	Databases []string
	// Sinks take the records, too, from one goroutine.
	Sinks   []format.Writer
	Capture string // file for a copy of all packets; "" for none
	// Checkpoint is the file for the progress of the scan, saved after each window. Resume
	// is a checkpoint to continue from, and to keep. At most one is given.
	Checkpoint, Resume string

	// Diagnose asks targets without a certain verdict again, after the scan. Ports are the
	// destination ports of TCP then.
	Diagnose bool
	Ports    []uint16
	judge    *verdict.Judge // of the scan that this one is a part of; nil for a new one
	// Vantage is the vantage point of a run that is part of a job of a fleet; else nil.
	Vantage *record.Vantage
	// Director, unless it is nil, directs the scan while it runs.
	Director *Director

	// Opened, unless it is nil, is called once everything is open that needs privileges.
	Opened func() error
	// A value on Reread asks to read the exclusions again; nil never asks.
	Reread <-chan os.Signal
	// A value on Inspect asks for a report of the memory of the process; nil never asks.
	Inspect  <-chan os.Signal
	Observer observe.Observer // nil for none
	// Uses are further files of the caller, which no file of the scan may be.
	Uses []outfile.Use

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
	c.Records = c.paths().Kinds(c.Records)
	c.Link.Sources, c.Link.Senders = c.Sources, c.Senders
	c.Warn = func(text string) { c.Observer.Event(observe.Notice(text)) }
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

// files returns the files of the scan.
func (c *Config) files() []outfile.Use {
	return slices.Concat(
		c.paths().Uses(), c.Uses, outfile.Writes("Capture", capture.Files(c.Capture)...),
		outfile.Writes("Checkpoint", checkpoint.Files(c.Checkpoint)...), outfile.Writes("Resume", checkpoint.Files(c.Resume)...),
		outfile.Reads("Targets", c.Targets...), outfile.Reads("FromResults", c.FromResults...), outfile.Reads("Exclude", c.Exclude...),
		outfile.Reads("Databases", c.Databases...),
	)
}

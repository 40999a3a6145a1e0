// Package replay is the program that reads captures and writes the records of the replies
// in them. For captures of masstrace these are the records of the run. For others they
// follow from probes and quotations.
package replay

import (
	"io"
	"net/netip"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Config is the request of a replay.
type Config struct {
	Files []string // captures, or - for Stdin
	Stdin io.Reader

	// Key, 32 hexadecimal digits, authenticates replies. For captures of masstrace, the
	// file beside them has the key if it is not given here. The capture then also has the
	// parameters of the run. For other captures they are these.
	Key, Seed         string
	Sources           []netip.Addr
	Method            probe.Method
	MinTTL, MaxTTL    uint8
	DstPort           uint16
	TOS               uint8
	Flows, Attempts   int
	PortLow, PortHigh uint16

	Output string // file in the format of its ending, or - for Stdout; "" for none
	// ReplyOutput and MetaOutput are files as those of a scan; "" for none.
	ReplyOutput, MetaOutput string

	Stdout   io.Writer
	Existing outfile.Existing // rule for existing files of these
	Sinks    []format.Writer  // take the records, too
	Records  record.Kinds
	Observer observe.Observer // nil for none

	Tool string   // name/version, for the run record
	Argv []string // likewise
}

// paths returns the files of the results.
func (c *Config) paths() fileset.Paths {
	return fileset.Paths{Output: c.Output, Replies: c.ReplyOutput, Meta: c.MetaOutput}
}

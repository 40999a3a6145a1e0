// Package traceroute is the program that traces the path to hosts interactively. All TTLs of
// several hosts are in flight at once. Rows are written as they become final, host by host.
package traceroute

import (
	"io"
	"net/netip"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/multipath"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/schedule"
)

// Config is the request of a run.
type Config struct {
	Hosts []string // names and addresses
	// Lists are traced after Hosts. A line of a list has a name or an address; # begins a
	// comment.
	Lists  []List
	Family Family

	Method           probe.Method
	FirstTTL, MaxTTL uint8
	Attempts         int
	Flows            int
	DstPort          uint16
	TOS              uint8
	Patience         Patience
	// GapLimit is how many silent TTLs in a row end a trace; 0 is no limit.
	GapLimit int

	Interface string
	Source    netip.Addr // invalid: the route's

	Numeric bool // no names
	// Annotate, unless it is nil, returns the annotation of an address, which may be nil. Label
	// returns its text for rows. Annotate is called by several goroutines.
	Annotate func(probe.Addr) *record.Annotation
	Label    func(*record.Annotation) string
	// Extensions has rows show the ICMP extensions of answers.
	Extensions bool
	// Traces, unless it is nil, returns the writer for the traces to one host. There are no
	// rows then. The writer may write them to out, which brings the output of all hosts into
	// their order.
	Traces func(out io.Writer) format.Writer

	// Multipath, unless it is nil, finds all the paths to each host. There are no rows then: Draw
	// writes the result to out, unless Traces takes it. Attempts and Flows have no meaning.
	Multipath *multipath.Config
	Draw      func(out io.Writer, found *Paths) error

	// Opened, unless it is nil, is called when all resources of the first host are open. The
	// next host needs the privileges for raw sockets again.
	Opened func() error
	// Failed, unless it is nil, takes the errors of hosts that cannot be traced, in the order
	// of the hosts.
	Failed   func(error)
	Observer observe.Observer // nil for none
	Stdout   io.Writer        // for rows
	Columns  int              // of the terminal that Stdout is, else 0
}

// List is a list of hosts that is read while its hosts are traced.
type List struct {
	Name string // of the file, for errors
	In   io.Reader
}

// Patience determines how long a trace waits for replies.
type Patience = schedule.Patience

// Family chooses among the addresses of a name.
type Family string

// The families, as package net calls them.
const (
	AnyFamily Family = "ip"
	IPv4      Family = "ip4"
	IPv6      Family = "ip6"
)

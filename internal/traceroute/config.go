// Package traceroute is the program that traces the path to a few hosts interactively. All
// TTLs are in flight at once, and rows are written as they become final.
package traceroute

import (
	"io"
	"net/netip"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/schedule"
)

// Config is the request of a run.
type Config struct {
	Hosts  []string // names and addresses
	Family Family

	Method           probe.Method
	FirstTTL, MaxTTL uint8
	Attempts         int
	Flows            int
	DstPort          uint16
	TOS              uint8
	Patience         Patience

	Interface string
	Source    netip.Addr // invalid: the route's

	Numeric bool // no names
	// Traces, unless it is nil, takes traces instead of rows going to Stdout.
	Traces format.Writer

	// Opened, unless it is nil, is called when all resources are open. The next host needs
	// the privileges for raw sockets again.
	Opened   func() error
	Observer observe.Observer // nil for none
	Stdout   io.Writer        // for rows
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

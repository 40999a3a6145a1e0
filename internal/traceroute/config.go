// Package traceroute is the program that traces the path to a few hosts while a person
// looks on: all TTLs in flight at once, rows as they become final.
package traceroute

import (
	"io"
	"net/netip"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/schedule"
)

// Config is what was asked for.
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

	// Opened, unless it is nil, is called once everything is open that needs privileges,
	// but for the next host: that needs those for raw sockets again.
	Opened   func() error
	Observer observe.Observer // nil for none
	Stdout   io.Writer        // for rows
}

// Patience says how long a trace waits for replies.
type Patience = schedule.Patience

// Family says which addresses of a name are traced to.
type Family string

// The families, as package net calls them.
const (
	AnyFamily Family = "ip"
	IPv4      Family = "ip4"
	IPv6      Family = "ip6"
)

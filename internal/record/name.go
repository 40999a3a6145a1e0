package record

import "net/netip"

// Name is the name of a host that stood for targets, with the addresses that it had before the run.
type Name struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses"`       // IPv4 first, ascending
	Error     string       `json:"error,omitempty"` // why there are none
}

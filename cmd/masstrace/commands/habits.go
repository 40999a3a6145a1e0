package commands

import "errors"

// TraceHabits are flags of other traceroutes that users type from habit. Those without an
// effect here are accepted. The others get an error that names a replacement.
type TraceHabits struct {
	Simultaneous string `short:"N" name:"sim-queries" hidden:""` // all probes are in flight at once anyway

	ASNumbers  bool   `short:"A" name:"as-path-lookups" hidden:""`
	SendWait   string `short:"z" name:"sendwait" hidden:""`
	MTU        bool   `name:"mtu" hidden:""`
	SourcePort string `name:"sport" hidden:""`
	FlowLabel  string `short:"l" name:"flowlabel" hidden:""`
}

// refused returns an error about a flag that is not served.
func (h *TraceHabits) refused() error {
	switch {
	case h.ASNumbers:
		return errors.New("-A: AS numbers are not looked up; --json gives the addresses to a tool that does")
	case h.SendWait != "":
		return errors.New("-z: the time between probes cannot be set; use masstrace scan HOST --rate PPS")
	case h.MTU:
		return errors.New("--mtu: path MTUs are not searched for; a row with !F-MTU shows where a packet was too large")
	case h.SourcePort != "":
		return errors.New("--sport: source ports are chosen so that flows are stable and replies are authentic; use masstrace scan --source-port-range")
	case h.FlowLabel != "":
		return errors.New("-l: the flow label cannot be set; it is the same in all probes of a flow")
	}
	return nil
}

package commands

import (
	"fmt"
	"reflect"
)

// TraceHabits are flags of traceroute(8) and mtr(8) that users type from habit. A flag with the tag
// "instead" is refused; the tag has the message, which names a replacement. The others are accepted:
// they ask for the default behaviour.
type TraceHabits struct {
	Simultaneous string `short:"N" name:"sim-queries" hidden:""`   // all probes are in flight at once
	NoFragment   bool   `short:"F" name:"dont-fragment" hidden:""` // probes are smaller than any MTU
	ShowBoth     bool   `short:"b" name:"show-ips" hidden:""`      // names have addresses
	MTRUDP       bool   `short:"u" name:"mtr-udp" hidden:""`       // UDP is the default
	Report       bool   `name:"report" hidden:""`                  // a trace is written once
	ReportWide   bool   `name:"report-wide" hidden:""`             // names are never cut

	ASNumbers  bool   `short:"A" name:"as-numbers" hidden:""` // as -a
	SendWait   string `short:"z" name:"sendwait" hidden:"" instead:"the time between probes cannot be set; use masstrace scan HOST --rate PPS"`
	MTU        bool   `name:"mtu" hidden:"" instead:"path MTUs are not searched for; a row with !F-MTU shows where a packet was too large"`
	Back       bool   `name:"back" hidden:"" instead:"the length of the way back is not guessed; --json has the TTL of each reply"`
	SourcePort string `name:"sport" hidden:"" instead:"source ports are chosen so that flows are stable and replies are authentic; use masstrace scan --source-port-range"`
	FlowLabel  string `short:"l" name:"flowlabel" hidden:"" instead:"the flow label cannot be set; it is the same in all probes of a flow"`
	Gateway    string `short:"g" name:"gateway" hidden:"" instead:"source routes are not supported, since routers drop such packets; choose the way out with -i or -s"`
	Mark       string `name:"fwmark" hidden:"" instead:"firewall marks cannot be set; choose the way out with -i or -s"`
	Bypass     bool   `short:"r" name:"bypass" hidden:"" instead:"probes follow the routing table; a trace is written once, as mtr -r does, without any flag"`
	Debug      bool   `short:"d" name:"debug" hidden:"" instead:"there is no debugging of sockets; tcpdump shows all probes and replies"`
	Module     string `short:"M" name:"module" hidden:"" instead:"choose the kind of probe with -I, -T, -U or --method"`
	Options    string `short:"O" name:"options" hidden:"" instead:"kinds of probes have no options of their own"`
	DCCP       bool   `short:"D" name:"dccp" hidden:"" instead:"DCCP is not supported; use -I, -T or -U"`
	Protocol   string `short:"P" name:"protocol" hidden:"" instead:"choose the kind of probe with -I, -T or -U, and the port with -p"`
	Local      bool   `short:"L" hidden:"" instead:"neither UDP-Lite nor a local port is supported; use -U, and -s for the source address"`

	Count      string `short:"c" name:"report-cycles" hidden:"" instead:"use -q N for attempts at each TTL, at most 4, or masstrace watch -c N for cycles"`
	Address    string `name:"address" hidden:"" instead:"choose the source address with -s"`
	Service    string `short:"Q" hidden:"" instead:"choose the type of service with -t"`
	Timeout    string `short:"Z" name:"timeout" hidden:"" instead:"choose the time to wait for a reply with -w"`
	MaxUnknown string `short:"X" name:"max-unknown" hidden:"" instead:"use --gap-limit N"`
	MTRJSON    bool   `short:"j" hidden:"" instead:"use --json"`
	MTRCSV     bool   `short:"C" hidden:"" instead:"use --json, and masstrace show --csv to turn records into rows"`
	Interval   string `name:"interval" hidden:"" instead:"the time between probes cannot be set; use masstrace scan HOST --rate PPS"`
	Size       string `name:"psize" hidden:"" instead:"the length of packets cannot be set"`
	BitPattern string `short:"B" name:"bitpattern" hidden:"" instead:"the content of packets cannot be set: it authenticates replies"`
	Grace      string `short:"G" name:"gracetime" hidden:"" instead:"choose the time to wait for a reply with -w"`
	Output     string `short:"o" name:"output" hidden:"" instead:"the standard output has the traces: redirect it with > FILE, and use --json for records"`
	Order      string `name:"order" hidden:"" instead:"the columns are those of traceroute; use --json, and masstrace show --csv for rows"`
	IPInfo     string `short:"y" name:"ipinfo" hidden:"" instead:"use -a for the autonomous systems, from files"`
	SCTP       bool   `short:"S" name:"sctp" hidden:"" instead:"SCTP is not supported; use -I, -T or -U"`
	LocalPort  string `name:"localport" hidden:"" instead:"source ports are chosen so that flows are stable and replies are authentic; use masstrace scan --source-port-range"`
	Verbose    bool   `short:"v" name:"verbose" hidden:"" instead:"all replies to the probes are shown; -e adds ICMP extensions, and -V prints the version"`
	NoBypass   bool   `name:"no-bypass" hidden:""` // all probes pass the queueing discipline

	MTRXML bool `short:"x" name:"xml" hidden:"" instead:"there is no XML; use --json"`
}

// refused returns an error about a flag that is not served.
func (h *TraceHabits) refused() error {
	v := reflect.ValueOf(h).Elem()
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		instead, refused := tag.Lookup("instead")
		if !refused || v.Field(i).IsZero() {
			continue
		}
		flag := "--" + tag.Get("name")
		if short := tag.Get("short"); short != "" {
			flag = "-" + short
		}
		return fmt.Errorf("%s: %s", flag, instead)
	}
	return nil
}

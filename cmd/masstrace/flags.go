package main

// flagNames are the flags of the fields of a configuration. Arguments without a flag have
// their name in the usage instead.
type flagNames map[string]string

// flag returns the flag of a field. A name without a flag is returned as it is.
func (f flagNames) flag(field string) string {
	if name, ok := f[field]; ok {
		return name
	}
	return field
}

// flagsOf returns the flags of a command.
func flagsOf(command string) flagNames {
	switch command {
	case "trace":
		return traceFlags
	case "replay":
		return replayFlags
	default: // merge and verify name some of their flags as scan does
		return scanFlags
	}
}

// scanFlags are the flags of the fields of plan.Config, scan.Config, list.Config and
// session.Config.
var scanFlags = flagNames{
	"Targets":       "targets",
	"Probes":        "--probes",
	"Exclude":       "--exclude",
	"AllowReserved": "--allow-reserved",
	"PerPrefix":     "--per-prefix",
	"Granularity4":  "--granularity4",
	"Granularity6":  "--granularity6",
	"Shard":         "--shard",
	"Shards":        "--shard",
	"MaxTargets":    "--max-targets",
	"Seed":          "--seed",
	"Key":           "--key",

	"Method":   "--method",
	"MinTTL":   "--min-ttl",
	"MaxTTL":   "--max-ttl",
	"DstPort":  "--dport",
	"TOS":      "--tos",
	"Flows":    "--flows",
	"Attempts": "--attempts",
	"PortLow":  "--source-port-range",
	"PortHigh": "--source-port-range",

	"Strategy":   "--strategy",
	"GapLimit":   "--gap-limit",
	"Overlap":    "--overlap",
	"Stitch":     "--stitch",
	"NoStop":     "--no-stop",
	"PerHopRate": "--per-hop-rate",
	"PrefixRate": "--prefix-rate",

	"RatePPS":    "--rate",
	"AutoRate":   "--rate auto",
	"Bandwidth":  "--bandwidth",
	"Burst":      "--burst",
	"Wait":       "--wait",
	"MaxRuntime": "--max-runtime",
	"Memory":     "--memory",

	"Interface":     "--interface",
	"Sources":       "--source",
	"GatewayMAC":    "--gateway-mac",
	"ReceiveBuffer": "--receive-buffer",
	"IO":            "--io",
	"Senders":       "--senders",
	"Queue":         "--no-bypass",

	"Output":     "--output",
	"Records":    "--records",
	"Capture":    "--pcap",
	"Checkpoint": "--checkpoint",
	"Resume":     "--resume",
	"windows":    "the number of windows", // in a DifferError alone
}

// traceFlags are the flags of the fields of traceroute.Config, in the short form that
// traceroute has them in.
var traceFlags = flagNames{
	"Hosts":     "host",
	"Family":    "-4 and -6",
	"Method":    "--method",
	"FirstTTL":  "-f",
	"MinTTL":    "-f",
	"MaxTTL":    "-m",
	"Attempts":  "-q",
	"Flows":     "--flows",
	"DstPort":   "-p",
	"TOS":       "-t",
	"Patience":  "-w",
	"Interface": "-i",
	"Source":    "-s",
	"Sources":   "-s",
	"Numeric":   "-n",
	"JSON":      "--json",
}

// replayFlags are the flags of the fields of replay.Config.
var replayFlags = flagNames{
	"Files":    "file",
	"Key":      "--key",
	"Seed":     "--seed",
	"Sources":  "--source",
	"Method":   "--method",
	"MinTTL":   "--min-ttl",
	"MaxTTL":   "--max-ttl",
	"DstPort":  "--dport",
	"TOS":      "--tos",
	"Flows":    "--flows",
	"Attempts": "--attempts",
	"PortLow":  "--source-port-range",
	"PortHigh": "--source-port-range",
	"Output":   "--output",
	"Records":  "--records",
}

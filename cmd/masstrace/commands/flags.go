package commands

import (
	"strings"
	"unicode"
)

// flagNames are the flags of the fields of a configuration, where they do not follow from
// the name of the field. Arguments without a flag have their name in the usage instead.
type flagNames map[string]string

// flag returns the flag of a field: MinTTL is --min-ttl.
func (f flagNames) flag(field string) string {
	if name, ok := f[field]; ok {
		return name
	}
	if field == "Stdout" {
		return "the standard output"
	}
	var b strings.Builder
	runes := []rune(field)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && !unicode.IsUpper(runes[i-1]) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return "--" + b.String()
}

// flagsOf returns the flags of a command.
func flagsOf(command string) flagNames {
	switch command {
	case "trace":
		return traceFlags
	case "watch":
		return watchFlags
	case "merge":
		return mergeFlags
	case "convert", "annotate", "report":
		return convertFlags
	case "replay":
		return replayFlags
	case "compare", "graph", "plot", "query":
		return pictureFlags
	case "show", "verify":
		return resultFlags
	case "fetch":
		return fetchFlags
	default: // lab names its own as scan does
		return scanFlags
	}
}

// scanFlags are the flags of the fields of plan.Config, scan.Config, list.Config and
// session.Config.
var scanFlags = flagNames{
	"Targets": "targets",
	"Family":  "-4 and -6",
	"Shards":  "--shard",

	"DstPort":  "--dport",
	"PortLow":  "--source-port-range",
	"PortHigh": "--source-port-range",

	"RatePPS":  "--rate",
	"AutoRate": "--rate auto",
	"Scope":    "--confidence-scope",

	"Sources": "--source",
	"Queue":   "--no-bypass",

	"Capture":     "--pcap",
	"Databases":   "--annotate",
	"Format":      "--output",
	"ReplyOutput": "--replies",
	"MetaOutput":  "--meta",
	"windows":     "the number of windows", // in a DifferError alone
}

// traceFlags are the flags of the fields of traceroute.Config, in the short form that
// traceroute has them in.
var traceFlags = flagNames{
	"Hosts":      "host",
	"Lists":      "--hosts",
	"Family":     "-4 and -6",
	"FirstTTL":   "-f",
	"MinTTL":     "-f",
	"MaxTTL":     "-m",
	"Attempts":   "-q",
	"DstPort":    "-p",
	"TOS":        "-t",
	"Patience":   "-w",
	"Interface":  "-i",
	"Source":     "-s",
	"Sources":    "-s",
	"Numeric":    "-n",
	"Extensions": "-e",
	"AS":         "-a",
	"Label":      "-a",
}

// watchFlags are the flags of the fields of watch.Config and traceroute.Config.
var watchFlags = flagNames{
	"Hosts": "host", "Targets": "host", "Family": "-4 and -6", "FirstTTL": "-f", "MinTTL": "-f", "MaxTTL": "-m",
	"DstPort": "-p", "TOS": "-t", "Source": "-s", "Sources": "-s", "Interface": "-i", "AS": "-a",
}

// replayFlags are the flags of the fields of replay.Config.
var replayFlags = flagNames{
	"Files":    "file",
	"Sources":  "--source",
	"DstPort":  "--dport",
	"PortLow":  "--source-port-range",
	"PortHigh": "--source-port-range",

	"ReplyOutput": "--replies",
	"MetaOutput":  "--meta",
}

// resultFlags are the flags of the fields of show.Config and verify.Config.
var resultFlags = flagNames{"Results": "file"}

// mergeFlags are the flags of the fields of merge.Config.
var mergeFlags = flagNames{"Files": "file", "ReplyOutput": "--replies", "MetaOutput": "--meta"}

// pictureFlags are the flags of the fields of compare.Config, linkgraph.Config and query.Config.
var pictureFlags = flagNames{"Inputs": "file", "AS": "--as", "SQL": "the question"}

// fetchFlags are the flags of the files of fetch.
var fetchFlags = flagNames{"Inputs": "--creds"}

// convertFlags are the flags of the fields of convert.Config.
var convertFlags = flagNames{"Inputs": "file", "Format": "--to", "ASN": "--asn", "IXP": "--ixp"}

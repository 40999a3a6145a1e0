package warts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/record"
)

// tool runs one of scamper's tools, which must succeed without a warning, and returns its output.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	lab.NeedTool(t, name)
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	var out, warnings bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &warnings
	if err := cmd.Run(); err != nil || warnings.Len() > 0 {
		t.Fatalf("%s %v: %v\n%s", name, args, err, warnings.String())
	}
	return out.String()
}

// saved writes a file.
func saved(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// scamper's tools accept our file, and each finds every trace.
func TestTools(t *testing.T) {
	all := samples(t)
	path := saved(t, "ours.warts", written(t, all...))
	traces := len(all) - 2
	for _, tt := range []struct {
		name, each string // a text that each trace has once
		args       []string
		less       int // traces that the tool leaves out
	}{
		{name: "sc_wartsdump", each: "\n start: ", args: []string{path}},
		{name: "sc_warts2json", each: `"type":"trace"`, args: []string{path}},
		{name: "sc_warts2text", each: "traceroute from ", args: []string{path}},
		{name: "sc_analysis_dump", each: "\nT\t", args: []string{path}},
		{name: "sc_tracediff", each: "traceroute from ", args: []string{"-a", "-m", "userid", path, path}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := tool(t, tt.name, tt.args...)
			if n := strings.Count("\n"+out, tt.each); n != traces-tt.less {
				t.Errorf("%d traces of %d:\n%.3000s", n, traces, out)
			}
		})
	}
}

// sc_wartscat joins our files into one that has the records of both.
func TestCat(t *testing.T) {
	all := samples(t)
	first := written(t, all...)
	all[0].(*record.CycleStart).Time++ // another run
	joined := filepath.Join(t.TempDir(), "joined.warts")
	tool(t, "sc_wartscat", "-o", joined, saved(t, "first.warts", first), saved(t, "second.warts", written(t, all...)))
	file, err := os.Open(joined)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	got, err := readAll(NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var traces []*record.Trace
	for _, rec := range got {
		if trace, ok := rec.(*record.Trace); ok {
			traces = append(traces, trace)
		}
	}
	if len(traces) != 2*(len(all)-2) {
		t.Fatalf("%d traces", len(traces))
	}
	for i, rec := range all[1 : len(all)-1] {
		if diff := cmp.Diff(facts(kept(rec.(*record.Trace))), facts(traces[i])); diff != "" {
			t.Errorf("trace %d (-want +got):\n%s", i, diff)
		}
	}
}

// facts returns the findings of a trace. An unknown round-trip time is 0, as scamper writes it.
func facts(t *record.Trace) []string {
	all := []string{fmt.Sprint(t.Target, t.Source, t.Method, t.Flow, t.DstPort, t.Start, t.StopReason, t.StopData, t.End)}
	for i := range t.Hops {
		h := &t.Hops[i]
		all = append(all, fmt.Sprint(h.TTL, h.Source(), h.RTT, h.Protocol, h.Type, h.Code, h.TCPFlags, h.QuotedTTL, h.Ext))
	}
	return all
}

// object is a record in JSON.
type object = map[string]any

// lines returns the records of a type.
func lines(t *testing.T, text, typ string) (all []object) {
	t.Helper()
	for line := range strings.Lines(text) {
		var o object
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if o["type"] == typ {
			all = append(all, o)
		}
	}
	return all
}

// sc_warts2json of our file has the fields of our trace records, with the same values.
func TestJSON(t *testing.T) {
	all := samples(t)
	theirs := lines(t, tool(t, "sc_warts2json", saved(t, "ours.warts", written(t, all...))), "trace")
	var text bytes.Buffer
	w := ndjson.NewWriter(&text, ndjson.Config{Bare: true})
	for _, rec := range all {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	ours := lines(t, text.String(), "trace")
	if len(ours) != len(theirs) {
		t.Fatalf("%d traces, sc_warts2json has %d", len(ours), len(theirs))
	}
	for i := range ours {
		trim(ours[i], theirs[i])
		if diff := cmp.Diff(ours[i], theirs[i]); diff != "" {
			t.Errorf("trace %d (-ours +theirs):\n%s", i, diff)
		}
	}
}

// trim removes the fields of a trace that only one side has. Both keep all others.
func trim(ours, theirs object) {
	drop(ours, "list_name", "id", "hostname")
	if ours["sport"] == nil {
		drop(theirs, "sport", "dport")
	}
	if theirs["method"] == "udp" { // our records have no name for it
		drop(ours, "method")
		drop(theirs, "method")
	}
	hops := slices.DeleteFunc(list(ours["hops"]), func(hop object) bool { return hop["inferred"] == true })
	others := list(theirs["hops"])
	if lowest := ours["firsthop"].(float64); theirs["firsthop"].(float64) < lowest {
		theirs["firsthop"] = lowest // scamper's is the lowest TTL, ours the TTL of the first probe
	}
	for i := range min(len(hops), len(others)) {
		trimHop(hops[i], others[i])
	}
	ours["hops"], theirs["hops"] = hops, others
}

func trimHop(ours, theirs object) {
	drop(ours, "rtt_ns", "kind", "valid", "mangled", "lagged", "icmpext_sum")
	if ours["reply_ipid"] == nil && theirs["reply_ipid"] == 0.0 { // IPv6 has none
		drop(theirs, "reply_ipid")
	}
	if ours["probe_id"] == nil && theirs["probe_id"] == 0.0 {
		drop(theirs, "probe_id")
	}
	if ours["rtt"] == nil && theirs["rtt"] == 0.0 { // scamper cannot tell an unknown one from 0
		drop(theirs, "rtt")
	}
	if mtu := theirs["icmp_nhmtu:"]; mtu != nil { // with a stray colon
		theirs["icmp_nhmtu"] = mtu
		drop(theirs, "icmp_nhmtu:")
	} else {
		drop(ours, "icmp_nhmtu") // in a message of another type
	}
	if theirs["icmp_q_tos"] == nil { // IPv4 only
		drop(ours, "icmp_q_tos")
	}
	for _, o := range list(ours["icmpext"]) {
		drop(o, "hex", "iface")
	}
}

func drop(o object, keys ...string) {
	for _, key := range keys {
		delete(o, key)
	}
}

// list returns a list of objects; nil is an empty one.
func list(v any) []object {
	all := []object{}
	if v != nil {
		for _, o := range v.([]any) {
			all = append(all, o.(object))
		}
	}
	return all
}

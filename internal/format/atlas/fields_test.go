package atlas

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/record"
)

// field is a field of RIPE Atlas' documentation of results ("Measurement Result Format", versions
// 4610, 4750 and 5000, Traceroute). typ is its type there.
type field struct {
	name, typ string
	since     int // version
	optional  bool
}

// fields are those of each object: of a result, of an element of its list result, and so on.
var fields = map[string][]field{
	"result": {
		{name: "af", typ: "int"}, {name: "bundle", typ: "int", optional: true}, {name: "dst_addr", typ: "string"},
		{name: "dst_name", typ: "string"}, {name: "endtime", typ: "int"}, {name: "from", typ: "string"}, {name: "fw", typ: "int"},
		{name: "group_id", typ: "int", optional: true}, {name: "lts", typ: "int", since: 4750}, {name: "msm_id", typ: "int"},
		{name: "msm_name", typ: "string"}, {name: "mver", typ: "string", since: 5000}, {name: "paris_id", typ: "int"},
		{name: "prb_id", typ: "int"}, {name: "proto", typ: "string"}, {name: "result", typ: "list"}, {name: "size", typ: "int"},
		{name: "src_addr", typ: "string"}, {name: "timestamp", typ: "int"}, {name: "tos", typ: "int", since: 5000, optional: true},
		{name: "ttr", typ: "float", since: 5000, optional: true}, {name: "type", typ: "string"},
	},
	"hop": {{name: "hop", typ: "int"}, {name: "error", typ: "string", optional: true}, {name: "result", typ: "list"}},
	"reply": {
		{name: "err", typ: "int or string", optional: true}, {name: "from", typ: "string"}, {name: "ittl", typ: "int", optional: true},
		{name: "itos", typ: "int", since: 5000, optional: true}, {name: "edst", typ: "string", optional: true},
		{name: "late", typ: "int", optional: true}, {name: "mtu", typ: "int", optional: true}, {name: "rtt", typ: "float"},
		{name: "size", typ: "int"}, {name: "ttl", typ: "int"}, {name: "tos", typ: "int", since: 5000, optional: true},
		{name: "flags", typ: "string", optional: true}, {name: "dstoptsize", typ: "int", optional: true},
		{name: "hbhoptsize", typ: "int", optional: true}, {name: "icmpext", typ: "object", optional: true},
	},
	"timeout": {{name: "x", typ: "string"}},
	"icmpext": {{name: "version", typ: "int"}, {name: "rfc4884", typ: "int"}, {name: "obj", typ: "list"}},
	"object":  {{name: "class", typ: "int"}, {name: "type", typ: "int"}, {name: "mpls", typ: "list", optional: true}},
	"mpls":    {{name: "exp", typ: "int"}, {name: "label", typ: "int"}, {name: "s", typ: "int"}, {name: "ttl", typ: "int"}},
}

// check compares an object that was written with the documented fields.
func check(t *testing.T, kind string, v any, lacks ...string) map[string]any {
	t.Helper()
	object, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("%s is no object: %v", kind, v)
	}
	for name, value := range object {
		i := slices.IndexFunc(fields[kind], func(f field) bool { return f.name == name })
		if i < 0 {
			t.Errorf("%s: %s is not in the documentation", kind, name)
		} else if !isType(value, fields[kind][i].typ) {
			t.Errorf("%s: %s is %v, not of type %s", kind, name, value, fields[kind][i].typ)
		}
	}
	for _, f := range fields[kind] {
		if _, ok := object[f.name]; !ok && !f.optional && !slices.Contains(lacks, f.name) {
			t.Errorf("%s: no %s", kind, f.name)
		}
	}
	return object
}

// isType reports whether a decoded value has a documented type.
func isType(value any, typ string) bool {
	switch v := value.(type) {
	case string:
		return strings.Contains(typ, "string")
	case json.Number:
		return typ == "float" || strings.Contains(typ, "int") && !strings.ContainsAny(v.String(), ".eE")
	case []any:
		return typ == "list"
	case map[string]any:
		return typ == "object"
	}
	return false
}

// The writer has the fields of version 5000, with their types.
func TestWrittenFields(t *testing.T) {
	traces, _, _ := read(t, old+recent)
	traces[0].TOS = 8
	for i := range traces[0].Hops {
		traces[0].Hops[i].ReplyTOS = 0xc0
	}
	seen := map[string]bool{}
	for _, tr := range traces {
		d := json.NewDecoder(strings.NewReader(write(t, tr)))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		for _, h := range check(t, "result", v)["result"].([]any) {
			for _, p := range check(t, "hop", h)["result"].([]any) {
				if _, silent := p.(map[string]any)["x"]; silent {
					check(t, "timeout", p)
					continue
				}
				reply := check(t, "reply", p)
				for name := range reply {
					seen[name] = true
				}
				if x, ok := reply["icmpext"]; ok {
					for _, o := range check(t, "icmpext", x)["obj"].([]any) {
						if labels, ok := check(t, "object", o)["mpls"]; ok {
							for _, l := range labels.([]any) {
								check(t, "mpls", l)
							}
						}
					}
				}
			}
		}
	}
	for _, name := range []string{"err", "from", "ittl", "itos", "mtu", "rtt", "size", "ttl", "tos", "flags", "icmpext"} {
		if !seen[name] {
			t.Errorf("no reply with %s was written", name)
		}
	}
}

// The reader takes every documented field of each version, without encoding/json.
func TestReadFields(t *testing.T) {
	values := map[string]string{"int": "1", "string": `"1"`, "float": "1.25", "int or string": `"H"`}
	special := map[string]string{
		"dst_addr": `"192.0.2.9"`, "src_addr": `"192.0.2.1"`, "from": `"192.0.2.2"`, "edst": `"192.0.2.8"`, "type": `"traceroute"`,
		"proto": `"UDP"`, "flags": `"SA"`,
	}
	inner := map[string]string{"result": "hop", "hop": "reply", "icmpext": "object", "object": "mpls"}
	var object func(kind string, version int) string
	object = func(kind string, version int) string {
		var text []string
		for _, f := range fields[kind] {
			value, ok := special[f.name]
			switch {
			case f.since > version:
				continue
			case f.typ == "list":
				value = "[" + object(inner[kind], version) + "]"
			case f.typ == "object":
				value = object("icmpext", version)
			case !ok || kind == "object":
				value = values[f.typ]
			}
			if f.name != "late" && f.name != "error" { // such replies are passed over
				text = append(text, fmt.Sprintf("%q:%s", f.name, value))
			}
		}
		return "{" + strings.Join(text, ",") + "}"
	}
	for _, version := range []int{4610, 4750, 5000} {
		text := object("result", version)
		if new(scan).result([]byte(text)) == nil {
			t.Errorf("%d: left to encoding/json: %s", version, text)
		}
		traces, faults, err := read(t, text)
		if len(traces) != 1 || faults != nil || len(traces[0].Hops) != 1 {
			t.Fatalf("%d: %d traces, %v, %v: %s", version, len(traces), faults, err, text)
		}
		h := &traces[0].Hops[0]
		if h.TTL != 1 || h.RTT != 1_250_000 || h.ReplyTTL != 1 || h.Type != type4Unreachable || h.Code != 1 || h.QuotedTTL != 1 || len(h.Ext) == 0 ||
			traces[0].ProbeSize != 29 || traces[0].StopReason != record.StopUnreach {
			t.Errorf("%d: %s", version, show(traces[0]))
		}
	}
}

package scamper

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// The output of Debian's scamper is the same after reading and writing, octet for octet.
func TestWriteAsScamper(t *testing.T) {
	const text = `{"type":"cycle-start", "list_name":"default", "id":0, "hostname":"vm", "start_time":1795995338}
{"type":"trace","version":"0.1", "userid":0, "method":"udp-paris", "src":"20.0.1.0", "dst":"45.16.1.1", "sport":32856, "dport":33435, "stop_reason":"COMPLETED", "stop_data":0, "start":{"sec":1795995338, "usec":120036, "ftime":"2026-11-29 23:35:38"}, "hop_count":2, "attempts":2, "hoplimit":14, "firsthop":1, "wait":1, "wait_probe":0, "tos":0, "probe_size":44, "probe_count":2, "hops":[{"addr":"20.0.1.1", "probe_ttl":1, "probe_id":1, "probe_size":44, "tx":{"sec":1795995338, "usec":120191}, "rtt":0.032, "reply_ttl":64, "reply_tos":192, "reply_ipid":12297, "reply_size":72, "icmp_type":11, "icmp_code":0, "icmp_q_ttl":1, "icmp_q_ipl":44, "icmp_q_tos":0},{"addr":"45.16.1.1", "probe_ttl":2, "probe_id":1, "probe_size":44, "tx":{"sec":1795995338, "usec":121315}, "rtt":0.029, "reply_ttl":63, "reply_tos":192, "reply_ipid":65231, "reply_size":72, "icmp_type":3, "icmp_code":3, "icmp_q_ttl":1, "icmp_q_ipl":44, "icmp_q_tos":0}]}
{"type":"cycle-stop", "list_name":"default", "id":0, "hostname":"vm", "stop_time":1795995338}
`
	if got := rewrite(t, text); got != text {
		t.Errorf("%s\nwant\n%s", got, text)
	}
}

// rewrite reads a text and writes it again.
func rewrite(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	w := Format.NewWriter(format.Output{Out: &out})
	r := Format.NewReader(strings.NewReader(text))
	for {
		rec, err := r.Read()
		if err != nil {
			break
		}
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// keys are the parameters of traceutils' WartsTrace and WartsHop, which bdrmapIT reads with. The
// former refuses any other key; the latter ignores them, except family, which it refuses.
const keys = ` type version userid method src dst icmp_sum stop_reason stop_data start hop_count attempts hoplimit firsthop wait ` +
	`wait_probe tos probe_size probe_count hops list_name id hostname start_time dport sport rtr jdata `

// jq judges the lines: they are JSON, and traces have no key that bdrmapIT refuses.
func TestKeys(t *testing.T) {
	jq, err := exec.LookPath("jq")
	if err != nil {
		t.Skip("needs jq")
	}
	text := rewrite(t, scamperLine+"\n"+ours)
	cmd := exec.CommandContext(t.Context(), jq, "-r", `select(.type == "trace") | keys[], (.hops[] | keys[] | "hops." + .)`)
	cmd.Stdin = strings.NewReader(text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, text)
	}
	hops := map[string]bool{}
	for key := range strings.FieldsSeq(string(out)) {
		if hop, ok := strings.CutPrefix(key, "hops."); ok {
			hops[hop] = true
		} else if !strings.Contains(keys, " "+key+" ") {
			t.Errorf("a trace has the key %s", key)
		}
	}
	for _, key := range []string{"kind", "valid", "rtt_ns", "inferred", "family"} {
		if hops[key] {
			t.Errorf("a hop has the key %s", key)
		}
	}
	if !hops["addr"] || !hops["icmpext"] || !hops["tcp_flags"] {
		t.Errorf("hops have the keys %v", hops)
	}
}

// ours is a trace of our own, with an inferred hop and one of a target over TCP.
const ours = `{"type":"trace","method":"tcp","src":"2001:db8::1","dst":"2001:db8::9","sport":1,"dport":443,"stop_reason":"COMPLETED","hop_count":3,"hops":[` +
	`{"addr":"2001:db8::4","probe_ttl":1,"icmp_type":3,"icmp_code":0,"kind":"ttl_exceeded","inferred":true},` +
	`{"addr":"::ffff:1.2.3.4","probe_ttl":2,"probe_id":1,"icmp_type":3,"icmp_code":0,"kind":"ttl_exceeded","valid":"strong","mangled":[]},` +
	`{"addr":"2001:db8::9","probe_ttl":3,"probe_id":1,"tcp_flags":18,"kind":"syn_ack","valid":"strong","mangled":[]}]}` + "\n"

// Addresses are plain, and inferred hops are left out.
func TestWriteOurs(t *testing.T) {
	got := rewrite(t, ours)
	if strings.Contains(got, "::ffff") || !strings.Contains(got, `"addr":"1.2.3.4"`) || strings.Contains(got, "2001:db8::4") {
		t.Error(got)
	}
	tr := read(t, got)
	if tr.Method != probe.TCPSYN || len(tr.Hops) != 2 || tr.Hops[1].TCPFlags != 18 || tr.Hops[1].Lacks != record.LacksKind|record.LacksValid {
		t.Errorf("%+v", tr)
	}
	if ndjson.Format.Begins([]byte(got)) {
		t.Error("it is taken for our own NDJSON")
	}
}

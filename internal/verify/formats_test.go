package verify

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/probe"
)

func reader(s string) io.Reader { return strings.NewReader(s) }

// asYarrp writes replies in the format of yarrp.
func asYarrp(p *prober) string {
	var b strings.Builder
	b.WriteString("# Program: Yarrp v0.7\n# RTT_Granularity: us\n")
	for i := range p.rows {
		h := &p.rows[i]
		if h.HasHop() {
			fmt.Fprintf(&b, "%s 1 2 %d %d %d %s %d 0 44 56 %d 0 0 %d\n",
				h.Target, h.Type, h.Code, h.TTL, h.Responder, h.RTT/1000, h.ReplyTTL, i)
		}
	}
	return b.String()
}

// asCaracal writes replies in the format of caracal.
func asCaracal(p *prober) string {
	var b strings.Builder
	b.WriteString("capture_timestamp,probe_protocol,probe_src_addr,probe_dst_addr,probe_src_port,probe_dst_port,probe_ttl,quoted_ttl,reply_src_addr,reply_protocol,reply_icmp_type,reply_icmp_code,reply_ttl,reply_size,reply_mpls_labels,rtt,round\n")
	full := func(a probe.Addr) string {
		if a.Is4() {
			return "::ffff:" + a.String()
		}
		return a.String()
	}
	for i := range p.rows {
		h := &p.rows[i]
		head := p.head(h.Target, h.Flow)
		if h.HasHop() {
			fmt.Fprintf(&b, "1640006077,%d,%s,%s,%d,%d,%d,%d,%s,%d,%d,%d,%d,56,\"[(2,0,1,1),(3,0,0,1)]\",%d,1\n",
				p.method.Protocol(h.Target.Is4()), full(head.Source), full(h.Target), head.Flow.Value, head.DstPort,
				h.TTL, h.QuotedTTL, full(h.Responder), h.Protocol, h.Type, h.Code, h.ReplyTTL, h.RTT/100000)
		}
	}
	return b.String()
}

// asScamper writes traces in the format of sc_warts2json: with records of other types, and without
// masstrace's own.
func asScamper(results []byte) string {
	var b strings.Builder
	b.WriteString(`{"type":"cycle-start","list_name":"default","id":1,"hostname":"vp","start_time":1}` + "\n")
	b.WriteString(`{"type":"tracelb","version":"0.1"}` + "\n")
	for line := range strings.Lines(string(results)) {
		if !strings.HasPrefix(line, `{"type":"trace",`) {
			continue
		}
		line = strings.NewReplacer(`"valid":"strong"`, `"x":0`, `"valid":"weak"`, `"x":0`).Replace(line)
		b.WriteString(line)
	}
	return b.String()
}

// TestFormats checks that correct and wrong rows of other tools are distinguished.
func TestFormats(t *testing.T) {
	for _, preset := range []string{"clean", "noise"} {
		p := &prober{preset: preset}
		results, log := p.run(t)
		yarrp := asYarrp(p)
		tests := []struct {
			format, results string
		}{
			{Yarrp, yarrp}, {Caracal, asCaracal(p)}, {Scamper, asScamper(results)},
		}
		for _, tt := range tests {
			t.Run(preset+"/"+tt.format, func(t *testing.T) {
				r := compareBytes(t, []byte(tt.results), log, nil)
				if r.Format != tt.format || !r.OK() || r.BadLines > 0 {
					t.Errorf("format %s: %q %v", r.Format, r.Faults, r.Examples)
				}
				if r.Hops.Judged < 1000 || r.Recall.Share != 1 || (r.Hops.RTT == nil) != (tt.format == Yarrp) || r.Sums != nil {
					t.Errorf("%+v %+v", r.Hops, r.Recall)
				}
				if c := r.Hops.Class; c.WrongDetail > 0 && tt.format != Yarrp {
					t.Errorf("%+v %v", c, r.Examples)
				}
			})
		}
		lines := strings.SplitAfter(yarrp, "\n")
		lines[7] = strings.Replace(lines[7], strings.Fields(lines[7])[6], "215.130.7.9", 1)
		lines = append(lines, "cut 1 2\n")
		r := compareBytes(t, []byte(strings.Join(lines, "")), log, nil)
		if r.OK() || r.Hops.Impossible != 1 || r.BadLines != 1 || r.Recall.Missing.Lost != 1 {
			t.Errorf("%q, bad lines %d, %+v", r.Faults, r.BadLines, r.Recall.Missing)
		}
	}
}

// TestBadFiles checks files that are not results, or not a log.
func TestBadFiles(t *testing.T) {
	for _, in := range []string{"", "hello world\n", "\x00\x01"} {
		if _, err := all.New(reader(in)); !errors.Is(err, format.ErrUnknown) {
			t.Errorf("%q: %v", in, err)
		}
	}
	if _, err := readLog(t.Context(), reader("something else"), 0, nil); err == nil {
		t.Error("no log, and no error")
	}
	if _, err := Run(t.Context(), Config{Results: "-", Stdin: reader("{}\n"), Log: "/nonexistent"}); err == nil {
		t.Error("no file, and no error")
	}
}

// Information that scamper does not have is not required: here, the flow.
func TestScamperWithoutFlow(t *testing.T) {
	p := &prober{preset: "clean", method: probe.ICMP, only4: true}
	results, log := p.run(t)
	text := asScamper(results)
	text = strings.ReplaceAll(text, `"icmp-echo-paris"`, `"icmp-echo"`)
	r := compareBytes(t, []byte(text), log, nil)
	if !r.OK() || r.Hops.Judged == 0 {
		t.Errorf("%q", r.Faults)
	}
	text = strings.ReplaceAll(text, `"icmp_sum"`, `"other"`)
	r = compareBytes(t, []byte(text), log, nil)
	if !r.OK() || r.Hops.Judged == 0 {
		t.Errorf("%q", r.Faults)
	}
}

// A classic traceroute changes its destination port from hop to hop. That makes no hop false, but
// the flow is unstable.
func TestScamperClassic(t *testing.T) {
	p := &prober{preset: "clean", another: func(p probe.Probe) bool { return p.TTL%2 == 0 }}
	results, log := p.run(t)
	text := strings.ReplaceAll(asScamper(results), `"udp-paris"`, `"udp"`)
	r := compareBytes(t, []byte(text), log, nil)
	if r.Hops.False() != 0 || r.Hops.Judged < 500 || r.Paris.Unstable != 80 || r.Recall.Missing.NoTrace != 0 {
		t.Errorf("%+v %+v %+v", r.Hops, r.Paris, r.Recall)
	}
}

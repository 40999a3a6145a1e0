package commands

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/tabular"
	"github.com/masstrace/masstrace/internal/wire"
)

// writePreview writes the plan of a run, and the header fields of its first probes.
func writePreview(out io.Writer, v *plan.Preview) error {
	t := &tabular.Table{Columns: "l"}
	if v.List != "" {
		writeListPlan(t, v)
	} else {
		writeScanPlan(t, v)
	}
	err := t.WriteText(out)
	if err == nil {
		err = writeProbes(out, v.First)
	}
	if err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

// writeScanPlan writes the plan of a scan, one row for each number.
func writeScanPlan(t *tabular.Table, v *plan.Preview) {
	t.Add("targets", tabular.Count(v.Targets))
	for _, r := range removals(v.Removed) {
		t.Add("left out", removedCount(r.Addresses), r.words())
	}
	if v.PerTarget > 0 {
		t.Add("probes", "about "+tabular.Count(v.Probes), fmt.Sprintf("%d to a target on average: load balancers decide", v.PerTarget))
	} else {
		t.Add("probes", tabular.Count(v.Probes), fmt.Sprintf("%d TTLs × %s, first attempt of %d", v.TTLs, flowsWords(v.Flows), v.Attempts))
	}
	if v.RateAuto {
		t.Add("rate", "auto", fmt.Sprintf("%s pps at most", tabular.Number(v.RatePPS)))
		t.Add("duration", "not known", fmt.Sprintf("%s at that rate", durationWords(v.Duration)))
	} else {
		writeRate(t, v)
	}
	t.Add("output", "about "+sizeWords(v.OutputBytes), fmt.Sprintf("%s as .zst", sizeWords(v.PackedBytes)))
	t.Add("windows", tabular.Count(v.Windows), fmt.Sprintf("of up to %s targets", tabular.Count(uint64(v.WindowTargets))))
	t.Add("memory", fmt.Sprintf("%.1f MiB", float64(v.MemoryBytes)/(1<<20)), "at most, for windows")
	t.Add("memory", fmt.Sprintf("%.1f MiB", float64(v.ListBytes)/(1<<20)), "for the lists")
	t.Add("method", v.Method)
	t.Add("strategy", v.Strategy)
	t.Add("source", sourceText(v))
	t.Add("seed", v.Seed)
}

// writeListPlan writes the plan of a list of probes.
func writeListPlan(t *tabular.Table, v *plan.Preview) {
	t.Add("probes", tabular.Count(v.Probes), "of "+v.List)
	t.Add("left out", tabular.Count(v.LeftOut), "excluded, or no route for the family")
	writeRate(t, v)
	t.Add("source", sourceText(v))
}

// writeRate writes how fast probes leave, and how long that takes. The time is not known
// if the rate is 0.
func writeRate(t *tabular.Table, v *plan.Preview) {
	if v.RatePPS == 0 {
		t.Add("rate", "unlimited")
		t.Add("duration", "not known", "as fast as the link allows")
		return
	}
	t.Add("rate", tabular.Number(v.RatePPS)+" pps", fmt.Sprintf("in bursts of up to %d", v.Burst))
	if v.PerTarget > 0 {
		t.Add("duration", "about "+durationWords(v.Duration), "longer if routers do not answer")
		return
	}
	t.Add("duration", durationWords(v.Duration), "at most")
}

// sourceText returns the source addresses, or why they are not known.
func sourceText(v *plan.Preview) string {
	if v.SourceErr != nil {
		return fmt.Sprintf("not known: %v", v.SourceErr)
	}
	text := ""
	if v.Source4.IsValid() {
		text += v.Source4.String() + " "
	}
	if v.Source6.IsValid() {
		text += v.Source6.String() + " "
	}
	return text + "by " + v.Link
}

// writeProbes writes a table of header fields.
func writeProbes(out io.Writer, probes []plan.PreviewProbe) error {
	fmt.Fprintln(out)
	t := &tabular.Table{Columns: "r", Indent: "  ",
		Head: []string{"target", "TTL", "flow", "id/label", "port/id", "dport/seq", "checksum", "length"}}
	for i := range probes {
		addProbe(t, &probes[i])
	}
	return t.WriteText(out)
}

// addProbe adds the header fields of a probe.
func addProbe(t *tabular.Table, p *plan.PreviewProbe) {
	packet := p.Packet
	id, transport := uint32(binary.BigEndian.Uint16(packet[wire.V4ID:])), packet[wire.V4Len:]
	if !p.Target.Is4() {
		id, transport = binary.BigEndian.Uint32(packet)&0xfffff, packet[wire.V6Len:]
	}
	port, dport, sum := transport[wire.UDPSrcPort:], transport[wire.UDPDstPort:], transport[wire.UDPChecksum:]
	switch p.Method {
	case probe.TCPSYN, probe.TCPACK:
		sum = transport[wire.TCPChecksum:]
	case probe.ICMP:
		port, dport, sum = transport[wire.EchoID:], transport[wire.EchoSeq:], transport[wire.ICMPChecksum:]
	}
	field := func(octets []byte) uint16 { return binary.BigEndian.Uint16(octets) }
	t.Add(p.Target.String(), fmt.Sprint(p.TTL), fmt.Sprint(p.Flow), fmt.Sprintf("%#x", id), fmt.Sprint(field(port)),
		fmt.Sprint(field(dport)), fmt.Sprintf("%#04x", field(sum)), fmt.Sprint(len(packet)))
}

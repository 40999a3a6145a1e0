package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/wire"
)

// writePreview writes the plan of a run, and the header fields of its first probes.
func writePreview(out io.Writer, v *plan.Preview) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if v.List != "" {
		writeListPlan(t, v)
	} else {
		writeScanPlan(t, v)
	}
	if err := errors.Join(t.Flush(), writeProbes(out, v.First)); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

// writeScanPlan writes the plan of a scan, one row for each number.
func writeScanPlan(t io.Writer, v *plan.Preview) {
	fmt.Fprintf(t, "targets\t%d\n", v.Targets)
	fmt.Fprintf(t, "probes\t%d\t%d TTLs × %d flow(s), first attempt of %d\n", v.Probes, v.TTLs, v.Flows, v.Attempts)
	if v.RateAuto {
		fmt.Fprintf(t, "rate\tauto\t%.6g pps at most\n", v.RatePPS)
		fmt.Fprintf(t, "duration\tnot known\t%v at that rate\n", v.Duration.Round(100*time.Millisecond))
	} else {
		writeRate(t, v)
	}
	fmt.Fprintf(t, "windows\t%d\tof %d targets\n", v.Windows, v.WindowTargets)
	fmt.Fprintf(t, "memory\t%.1f MiB\tat most, for windows\n", float64(v.MemoryBytes)/(1<<20))
	fmt.Fprintf(t, "method\t%s\n", v.Method)
	fmt.Fprintf(t, "source\t%s\n", sourceText(v))
	fmt.Fprintf(t, "seed\t%s\n", v.Seed)
}

// writeListPlan writes the plan of a list of probes.
func writeListPlan(t io.Writer, v *plan.Preview) {
	fmt.Fprintf(t, "probes\t%d\tof %s\n", v.Probes, v.List)
	fmt.Fprintf(t, "left out\t%d\texcluded, or no route for the family\n", v.LeftOut)
	writeRate(t, v)
	fmt.Fprintf(t, "source\t%s\n", sourceText(v))
}

// writeRate writes how fast probes leave, and how long that takes. The time is not known
// if the rate is 0.
func writeRate(t io.Writer, v *plan.Preview) {
	if v.RatePPS == 0 {
		fmt.Fprint(t, "rate\tunlimited\nduration\tnot known\tas fast as the link allows\n")
		return
	}
	fmt.Fprintf(t, "rate\t%.6g pps\tin bursts of up to %d\n", v.RatePPS, v.Burst)
	fmt.Fprintf(t, "duration\t%v\tat most\n", v.Duration.Round(100*time.Millisecond))
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
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\ntarget\tTTL\tflow\tid/label\tport/id\tdport/seq\tchecksum\tlength\t")
	for i := range probes {
		writeProbe(t, &probes[i])
	}
	return t.Flush()
}

func writeProbe(t io.Writer, p *plan.PreviewProbe) {
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
	fmt.Fprintf(t, "%s\t%d\t%d\t%#x\t%d\t%d\t%#04x\t%d\t\n", p.Target, p.TTL, p.Flow, id,
		binary.BigEndian.Uint16(port), binary.BigEndian.Uint16(dport), binary.BigEndian.Uint16(sum), len(packet))
}

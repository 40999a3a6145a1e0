package main

import (
	"fmt"
	"strings"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/tabular"
)

// tables returns two sections of the results: end to end, and CPU per probe.
func tables(all []series, ceiling []float64) (endToEnd, cpu string) {
	most := bench.Median(ceiling)
	ends := tabular.Table{Columns: "lr", Head: []string{"tool", "asked/s", "probes/s", "of the ceiling", "probes lost", "replies lost", "CPU ns/probe", "MiB"}}
	costs := tabular.Table{Columns: "lr", Head: []string{"tool", "probes/s", "CPU s per million probes", "masstrace's"}}
	best := map[string]float64{} // highest lossless rate
	own := map[int]float64{}     // masstrace's cost at a requested rate
	for i := range all {
		s := &all[i]
		ends.Add(s.tool.name, tabular.Number(float64(s.rate)), tabular.Number(s.pps()), tabular.Ratio(s.pps()/most),
			tabular.Number(s.median(func(r *result) float64 { return r.lostOut })),
			tabular.Number(s.median(func(r *result) float64 { return r.lostIn })),
			tabular.Number(s.nsPerProbe()),
			tabular.Number(s.median(func(r *result) float64 { return float64(r.Octets) / (1 << 20) })))
		if s.lost() == 0 {
			best[s.tool.name] = max(best[s.tool.name], s.pps())
		}
		if s.tool.name == "masstrace" {
			own[s.rate] = s.nsPerProbe()
		}
		ratio := "–"
		if own[s.rate] > 0 {
			ratio = tabular.Ratio(own[s.rate] / s.nsPerProbe())
		}
		costs.Add(s.tool.name, tabular.Number(s.pps()), tabular.Number(s.nsPerProbe()/1000), ratio)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "In `masstrace lab --preset clean`, all TTLs from 1 to %d of every target, UDP over IPv4. The simulator\n", maxTTL)
	fmt.Fprintf(&b, "handles %s probes a second from a program that only calls sendmmsg(2): the ceiling. A tool is measured at\n", tabular.Number(most))
	b.WriteString("the next rate if it kept the last one and lost nothing. Medians; CPU is user and system time of the\ntool's own process.\n\n")
	b.WriteString(ends.Markdown())
	b.WriteString("\nHighest rate without loss:")
	for _, name := range []string{"masstrace", "caracal", "yarrp", "scamper"} {
		if pps, ok := best[name]; ok {
			fmt.Fprintf(&b, " %s %s (%s of the ceiling);", name, tabular.Number(pps), tabular.Ratio(pps/most))
		}
	}
	end := strings.TrimSuffix(b.String(), ";") + ".\n"
	return end, "Processor time of the tool's own process in the runs of the section End to end.\n\n" + costs.Markdown()
}

package main

import (
	"bytes"
	"fmt"
	"time"
)

// rows is how many rows of samples are printed.
const rows = 12

// write writes the results as Markdown.
func (e *endurance) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n## Endurance\n\nA scan of the simulated Internet, preset default (delay, loss, limits, NATs, noise), at %d probes a second for %v, sampled %d times.\n\n",
		e.rate, e.length, len(e.samples))
	for _, f := range e.faults {
		fmt.Fprintf(b, "- FAULT: %s\n", f)
	}
	if s := e.summary; s != nil {
		fmt.Fprintf(b, "- %d probes in %.0f s: %.0f a second; %d answered, %d silent (%d of them while our kernel dropped frames, %d by limits)\n",
			s.Sent, s.ElapsedS, float64(s.Sent)/s.ElapsedS, s.Answered, s.Silent, s.SilentBy.Drops, s.SilentBy.RateLimited)
		fmt.Fprintf(b, "- frames: %d; rejected %d, malformed %d, duplicates %d, late %d; dropped: %d by the kernel, %d by the link\n",
			s.Inbound.Frames, s.Rejected.Total(), s.Malformed, s.Duplicates, s.Late, s.Drops.Kernel, s.Drops.Interface)
	}
	fmt.Fprintf(b, "- the simulator received %d packets, and lost %d on the way in, %d under way, %d on the way out\n",
		e.counters.Simulator["received"], e.counters.LostIn, e.counters.LostDelay, e.counters.LostOut)
	fmt.Fprintf(b, "- %d traces; the hops of every %dth were judged: %d, of which %d are false\n\n", e.traces, judgeEvery, e.judged, e.wrong)
	b.WriteString("| after | resident, MiB | heap, MiB | goroutines | threads | descriptors |\n|--:|--:|--:|--:|--:|--:|\n")
	for i := range rows {
		part := e.samples[i*len(e.samples)/rows : (i+1)*len(e.samples)/rows]
		if len(part) == 0 {
			continue
		}
		m := most(part)
		fmt.Fprintf(b, "| %v | %.1f | %.1f | %d | %d | %d |\n", part[len(part)-1].at.Round(time.Second),
			float64(m.rss)/(1<<20), float64(m.heap)/(1<<20), m.goroutines, m.threads, m.descriptors)
	}
	b.WriteString("\nEach row has the highest values of its period.\n")
	if e.brief {
		fmt.Fprintf(b, "It was too brief to show whether anything grows: growth is judged after %v.\n", warm)
	}
}

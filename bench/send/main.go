// Command send measures the cost of sending a probe. It sends into links that discard everything,
// in a network namespace of its own, in turns by
//
//   - one constant batch, repeated, which is the cost of the kernel;
//   - masstrace's complete sender, by AF_PACKET and AF_XDP, from one thread and from two;
//   - the whole program, zmap and masscan, if they are installed.
//
// Usage:
//
//	go run ./bench/send [-rounds N] [-packets N] [-o FILE]
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/masstrace/masstrace/bench"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/tabular"
)

func main() {
	rounds := flag.Int("rounds", 5, "rounds; medians count")
	packets := flag.Int("packets", 500_000, "packets of a measurement")
	out := flag.String("o", "", "keep the tables in this file")
	flag.Parse()
	bench.Exit("send", run(*rounds, *packets, *out))
}

func run(rounds, packets int, out string) error {
	runtime.LockOSThread() // never unlocked: the thread is in another network
	p, err := newPipeline(probe.UDP, max(packets/32, 1))
	if err != nil {
		return err
	}
	sinks, err := newSinks()
	if err != nil {
		return err
	}
	ways, missing := allWays(p)
	body := fmt.Sprintf("Into links that discard everything, %d packets of %d octets at a time, medians of %d rounds in turn. "+
		"Processor\ntime is user and system time, and the kernel's work for the far end on the same thread. For programs it is that of the\n"+
		"whole process.\n", packets, p.codec.Size(true)+14, rounds)
	for _, to := range sinks {
		results, failed := measureAll(ways, to, rounds)
		body += fmt.Sprintf("\n### %s\n\n%s", describe(to), table(ways, results))
		for _, f := range failed {
			body += "\nNot measured: " + f + ".\n"
		}
	}
	if missing != "" {
		body += "\nNot installed: " + missing + ".\n"
	}
	fmt.Print(body)
	if out != "" {
		return bench.Keep(out, bench.Send, body)
	}
	return nil
}

func describe(to sink) string {
	if to.name == "ifb0" {
		return "ifb, which frees frames at once"
	}
	return "veth, XDP drops at the far end"
}

// Names of the ways with which others are compared.
const (
	floorName = "sendmmsg, constant"
	oneName   = "pipeline, packet"
	zmapName  = "zmap, whole process"

	twoSenders = ", 2 senders" // follows the name of the way with one sender
)

// allWays returns the available ways, and the programs that are missing.
func allWays(p *pipeline) (ways []way, missing string) {
	ways = []way{
		{floorName, by(packet, 1, p.constant)},
		{floorName + twoSenders, by(packet, 2, p.constant)},
		{oneName, by(packet, 1, p.full)},
		{oneName + twoSenders, by(packet, 2, p.full)},
		{"AF_XDP, constant", by(xdp, 1, p.constant)},
		{"AF_XDP, constant" + twoSenders, by(xdp, 2, p.constant)},
		{"pipeline, xdp", by(xdp, 1, p.full)},
		{"pipeline, xdp" + twoSenders, by(xdp, 2, p.full)},
	}
	const targets = commandPackets / 32
	masstrace := fmt.Sprintf("bin/masstrace scan -q -i %%LINK --source %%ADDR --gateway-mac %%MAC --rate 0 --wait 10ms"+
		" --strategy exhaustive --max-targets %d -o /dev/null 0.0.0.0/0", targets)
	for _, c := range []struct{ name, line string }{
		{"masstrace, whole process", masstrace},
		{"masstrace --io xdp, whole process", masstrace + " --io xdp"},
		{zmapName, fmt.Sprintf("zmap -i %%LINK -S %%ADDR -G %%MAC -M udp -p 33434 -r 20000000 -T 1 -n %d -c 0 -q -b /dev/null -o /dev/null", commandPackets)},
		{"masscan, whole process", "masscan 12.0.0.0/13 -p80 --rate 20000000 --adapter %LINK --adapter-ip %ADDR --router-mac %DASHED --wait 0 -oX /dev/null"},
	} {
		name := strings.Fields(c.line)[0]
		if _, err := exec.LookPath(name); err != nil {
			missing = strings.TrimPrefix(missing+", "+name, ", ")
			continue
		}
		ways = append(ways, way{c.name, command(c.line)})
	}
	return ways, missing
}

// measureAll measures all ways in turns, round after round.
func measureAll(ways []way, to sink, rounds int) (results map[string][]measure, failed []string) {
	results = map[string][]measure{}
	broken := map[string]bool{}
	for round := range rounds {
		for _, w := range ways {
			if broken[w.name] {
				continue
			}
			fmt.Fprintf(os.Stderr, "measuring: %s, round %d: %s\n", to.name, round+1, w.name)
			m, err := w.run(to)
			if err != nil {
				broken[w.name] = true
				failed = append(failed, fmt.Sprintf("%s (%v)", w.name, err))
				continue
			}
			results[w.name] = append(results[w.name], m)
		}
	}
	return results, failed
}

// table returns a table with a line for each way: medians, and ratios of medians.
func table(ways []way, results map[string][]measure) string {
	cost := func(name string) float64 { return median(results[name], measure.nsPerPacket) }
	t := tabular.Table{Columns: "lr", Head: []string{"way", "CPU ns/packet", "kpps", "floor/this", "zmap/this", "pps, to one sender"}}
	ratio := func(a, b float64) string {
		if a == 0 || b == 0 {
			return ""
		}
		return tabular.Ratio(a / b)
	}
	for _, w := range ways {
		c := cost(w.name)
		if c == 0 {
			continue
		}
		pps := median(results[w.name], measure.pps)
		both := ""
		if one, found := strings.CutSuffix(w.name, twoSenders); found {
			both = ratio(pps, median(results[one], measure.pps))
		}
		t.Add(w.name, tabular.Number(c), tabular.Number(pps/1e3), ratio(cost(floorName), c), ratio(cost(zmapName), c), both)
	}
	return t.Markdown()
}

func median(all []measure, of func(measure) float64) float64 {
	var v []float64
	for _, m := range all {
		v = append(v, of(m))
	}
	return bench.Median(v)
}

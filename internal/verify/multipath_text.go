package verify

import (
	"fmt"
	"strings"
)

// textMultipath writes the part about multipath records.
func (r *Report) textMultipath(t *table) {
	m := r.Multipath
	if m == nil {
		return
	}
	t.head("MULTIPATH", "all the paths to each target, against the log and the true graph")
	t.count(shown, "targets", m.Targets, "multipath records")
	t.count(needed, "not probed", m.NotProbed, "records of targets that the log does not have")
	t.count(needed, "repeated", m.Again, "further records of a target")

	n := &m.Nodes
	t.count(shown, "nodes", n.Claimed, fmt.Sprintf("%d true: the log has an answer from the address at the TTL", n.True))
	t.count(needed, "impossible", n.Impossible, "no path to the target has this address at this TTL")
	t.count(needed, "of no answer", n.NoAnswer, "possible address, but the log has no such answer")
	t.count(hoped, "beyond the end", n.Beyond, "true, but every packet that goes there ends before")
	t.line("", "  nodes found", fmt.Sprintf("%.4f", n.Share), fmt.Sprintf("%d of %d that answer, over all flows", n.Found, n.There))
	t.line("", "  addresses found", fmt.Sprintf("%.4f", share(n.AddressesFound, n.Addresses)),
		fmt.Sprintf("%d of %d different ones, for some target", n.AddressesFound, n.Addresses))

	l := &m.Links
	t.count(shown, "links", l.Claimed, fmt.Sprintf("%d true: one packet meets both ends, and one flow has both answers", l.True))
	t.count(needed, "impossible", l.Impossible, "no packet meets both ends")
	t.count(needed, "of no answer", l.NoAnswer, "the link exists, but the log has no flow with both answers")
	t.count(shown, "marked", l.Marked, fmt.Sprintf("of remapped flows only; %d do not exist", l.MarkedFalse))
	t.count(shown, "one end", l.Open, "the other end did not answer")
	t.line("", "  links found", fmt.Sprintf("%.4f", l.Share), fmt.Sprintf("%d of %d between nodes that answer", l.Found, l.There))
	t.line("", "  pairs found", fmt.Sprintf("%.4f", share(l.PairsFound, l.Pairs)),
		fmt.Sprintf("%d of %d different ones, for some target", l.PairsFound, l.Pairs))
	mark := "ok"
	if m.Remapped != m.Moved {
		mark = "look"
	}
	t.line(mark, "  remapped flows", fmt.Sprint(m.Remapped), fmt.Sprintf("%d by the log: several nodes at one TTL", m.Moved))
	m.Balancers.text(t)
}

// text writes the lines of the balancers.
func (n *Balancers) text(t *table) {
	var states []string
	for _, s := range sortedKeys(n.States, strings.Compare) {
		states = append(states, fmt.Sprintf("%d %s", n.States[s], s))
	}
	states = append(states, fmt.Sprintf("%d borrowed", n.Borrowed))
	t.count(shown, "balancers", n.Claimed, strings.Join(states, ", "))
	t.count(hoped, "no balancer", n.False, "paths to the target do not part there")
	t.count(hoped, "wrong width", n.WrongWidth, "the record has links to more next hops")
	t.count(hoped, "wrong kind", n.WrongKind, "by flow, by packet or by destination")
	if n.Examined > 0 {
		t.count(hoped, "wrong hash fields", n.WrongFields, fmt.Sprintf("of %d balancers with hash fields", n.Examined))
		t.count(shown, "hash destination", n.DestinationsFound, fmt.Sprintf("of %d that do; only several targets of a prefix show it", n.Destinations))
	}
	n.Even.text(t, "  whole", "with equal shares")
	n.Weighted.text(t, "  whole, weighted", "with different shares, which the stopping rule does not expect")
	for _, w := range n.Widths {
		t.line("", fmt.Sprintf("  width %d", w.Width), fmt.Sprintf("%.4f", share(w.Missed, w.Balancers)),
			fmt.Sprintf("missed some branch: %d of %d, %d of these seen as plain routers", w.Missed, w.Balancers, w.Overlooked))
	}
}

func (k *Calibration) text(t *table, name, which string) {
	if k.Balancers == 0 {
		return
	}
	mark := ""
	if name == "  whole" {
		mark = "ok"
		if k.Share < k.Claimed {
			mark = "look"
		}
	}
	t.line(mark, name, fmt.Sprintf("%.4f", k.Share),
		fmt.Sprintf("%d of %d complete balancers %s; claimed: %.4f", k.Whole, k.Balancers, which, k.Claimed))
}

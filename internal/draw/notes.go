package draw

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/record"
)

// notes writes the notes below the drawing.
func (d *drawing) notes() {
	if len(d.m.Balancers) > 0 {
		d.line("")
	}
	for i := range d.m.Balancers {
		head := fmt.Sprintf("[%d] ", i+1)
		d.fold(head, strings.Repeat(" ", len(head)), d.balancer(&d.m.Balancers[i]))
	}
	for _, text := range d.remarks() {
		d.line("")
		d.fold("", "", text)
	}
}

// balancer describes a balancer.
func (d *drawing) balancer(b *record.Balancer) string {
	var s strings.Builder
	fmt.Fprintf(&s, "TTL %d: %s %s", b.TTL, branches(b.Width), kinds[b.Kind])
	if b.Length > 0 {
		fmt.Fprintf(&s, ", join again after %s", ttls(b.Length))
	}
	if b.Asymmetry > 0 {
		fmt.Fprintf(&s, ", unequal by %s", ttls(b.Asymmetry))
	}
	fmt.Fprintf(&s, ", %s sure: %s; %d of %s answered", percent(b.Confidence), states[b.State], b.Answered, count(b.Asked, "flow"))
	if b.HashFields.Has(record.Examined) {
		s.WriteString("; " + d.hashes(b))
	}
	if b.Borrowed {
		s.WriteString("; known from other targets")
	}
	return s.String()
}

func branches(n int) string {
	if n == 1 {
		return "1 branch"
	}
	return fmt.Sprintf("%d branches", n)
}

func ttls(n int) string {
	if n == 1 {
		return "1 TTL"
	}
	return fmt.Sprintf("%d TTLs", n)
}

// percent returns a confidence, which is cut and not rounded: 100 % is certainty.
func percent(confidence float64) string {
	return strconv.FormatFloat(math.Floor(confidence*1000+1e-9)/10, 'f', -1, 64) + "%"
}

var kinds = [...]string{
	record.PerFlow: "by flow", record.PerPacket: "by packet", record.PerDestination: "by destination",
}

var states = [...]string{
	record.BalancerComplete: "complete", record.BalancerLimited: "too few answers",
	record.BalancerTruncated: "may be wider", record.BalancerUnfinished: "not finished",
}

func (d *drawing) hashes(b *record.Balancer) string {
	var names []string
	for name := range b.HashFields.All() {
		names = append(names, strings.ReplaceAll(name, "_", " "))
	}
	if len(names) == 0 {
		return "no field decides"
	}
	return "decided by " + strings.Join(names, ", ")
}

// remarks are sentences about the whole record.
func (d *drawing) remarks() (list []string) {
	if len(d.m.Nodes) == 0 {
		list = append(list, "Nothing answered.")
	}
	if d.m.Remapped > 0 {
		links := 0
		for i := range d.m.Links {
			if d.m.Links[i].Remapped {
				links++
			}
		}
		list = append(list, fmt.Sprintf("%s moved to other branches during the search. Not drawn: %s of such flows.", count(d.m.Remapped, "flow"), count(links, "link")))
	}
	if d.m.Unfinished {
		list = append(list, "The search was not finished.")
	}
	return list
}

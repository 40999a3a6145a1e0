package compare

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
)

// whole returns a copy without nil lists, for JSON.
func (r *Result) whole() *Result {
	c := *r
	c.Changes, c.Verdicts, c.Shifts = listed(r.Changes), listed(r.Verdicts), listed(r.Shifts)
	return &c
}

// JSON writes the result as one object. Its fields are in docs/compare.md.
func (r *Result) JSON(w io.Writer) error { return encode(w, r.whole()) }

// listed returns a list that is not nil, for JSON.
func listed[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// Text writes the result for people.
func (r *Result) Text(w io.Writer) error {
	out := bufio.NewWriter(w)
	r.counts(out)
	r.changed(out)
	for _, v := range r.Verdicts {
		fmt.Fprintf(out, "end of %v: %s, was %s\n", v.Target, v.New, v.Old)
	}
	for _, s := range r.Shifts {
		fmt.Fprintf(out, "round-trip times to %v: median %s, was %s (%d targets)\n", s.Prefix, millis(s.New), millis(s.Old), s.Targets)
	}
	for _, d := range []struct {
		name string
		*Difference
	}{{"interface", &r.Interfaces}, {"link", &r.Links}} {
		for _, one := range d.ChangedGone {
			fmt.Fprintf(out, "%s gone: %s\n", d.name, one)
		}
		for _, one := range d.ChangedNew {
			fmt.Fprintf(out, "%s new: %s\n", d.name, one)
		}
	}
	return out.Flush()
}

// counts writes the numbers of targets, interfaces and links.
func (r *Result) counts(out io.Writer) {
	rows := []struct {
		n    int
		what string
	}{
		{r.Compared, "targets of both scans"},
		{r.Same, "  same path"},
		{r.OtherBranch, "  other branch of a load balancer, or too few targets to tell"},
		{len(r.Changes), "  changed path"},
		{r.Appeared, "  path appeared: nothing answered before"},
		{r.Vanished, "  path vanished: nothing answers now"},
		{r.NoAnswer, "  no answer in both scans"},
		{len(r.Verdicts), "other end of the path"},
		{r.ReachedOld, "targets that answered before and are silent now: not a change by itself"},
		{r.ReachedNew, "targets that were silent before and answer now"},
		{len(r.Shifts), "prefixes with other round-trip times"},
		{r.OnlyOld, "targets of the old scan alone, left out"},
		{r.OnlyNew, "targets of the new scan alone, left out"},
	}
	for _, row := range rows {
		fmt.Fprintf(out, "%9d %s\n", row.n, row.what)
	}
	if r.Compared == 0 && r.OnlyOld+r.OnlyNew > 0 {
		fmt.Fprintln(out, "The scans have no target in common. With the same seed, scans choose the same targets in their prefixes.")
	}
	for _, d := range []struct {
		name string
		*Difference
	}{{"interfaces", &r.Interfaces}, {"links", &r.Links}} {
		fmt.Fprintf(out, "%9d %s of both scans, %d of the old one alone (%d on changed paths), %d of the new one alone (%d)\n",
			d.Both, d.name, d.Gone, len(d.ChangedGone), d.New, len(d.ChangedNew))
	}
	fmt.Fprintln(out)
}

// changed writes the changes of targets, or their groups.
func (r *Result) changed(out io.Writer) {
	if r.By != ByTarget {
		for _, g := range r.Groups {
			if g.Changed > 0 {
				fmt.Fprintf(out, "%s: %d of %d paths changed\n", g.Name, g.Changed, g.Compared)
			}
		}
		return
	}
	for i := range r.Changes {
		c := &r.Changes[i]
		fmt.Fprintf(out, "changed %v at TTL %d: %v, was %v", c.Target, c.TTL, c.New, c.Old)
		if c.After.IsValid() {
			fmt.Fprintf(out, ", after %v", c.After)
		}
		fmt.Fprintf(out, " (%s: %d targets, chance %.0e)", prefixText(c.Prefix), c.Witnesses, c.Chance)
		if len(c.Left) > 0 {
			fmt.Fprintf(out, ", left %s", systemsText(c.Left))
		}
		if len(c.Entered) > 0 {
			fmt.Fprintf(out, ", entered %s", systemsText(c.Entered))
		}
		fmt.Fprintln(out)
	}
}

func prefixText(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

func systemsText(list []uint32) string {
	var names []string
	for _, as := range list {
		names = append(names, fmt.Sprint("AS", as))
	}
	return strings.Join(names, " ")
}

// millis returns a time in ms.
func millis(ns int64) string { return fmt.Sprintf("%.1f ms", float64(ns)/float64(time.Millisecond)) }

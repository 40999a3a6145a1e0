package table

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/watch/board"
)

// Report writes the table of a target as mtr --report does, with the notes of each row and the end
// of the path below.
func Report(out io.Writer, t *board.Target, c []Column, l *Look, began time.Time) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Start: %s\n", began.Format("2006-01-02T15:04:05-0700"))
	writeTable(&b, t, c, l)
	for _, line := range Endings(t, l) {
		fmt.Fprintln(&b, line)
	}
	for i := range t.Changes {
		fmt.Fprintln(&b, ChangeText(&t.Changes[i], l))
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// Plain writes the table of a target for a reader that speaks, or a log: no line is rewritten.
func Plain(out io.Writer, t *board.Target, c []Column, l *Look, now time.Time, cycles uint32) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, cycle %d\n", now.Format("15:04:05"), cycles)
	writeTable(&b, t, c, l)
	for _, line := range Endings(t, l) {
		fmt.Fprintln(&b, line)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(out, b.String())
	return err
}

// heading returns the name of a target with its address.
func heading(t *board.Target) string {
	if t.Name == t.Addr.String() || t.Name == "" {
		return t.Addr.String()
	}
	return t.Name + " (" + t.Addr.String() + ")"
}

// writeTable writes the rows of a target below their titles.
func writeTable(b *strings.Builder, t *board.Target, c []Column, l *Look) {
	rows := Rows(t)
	head := "HOST: " + heading(t)
	hosts := make([]string, len(rows))
	width := utf8.RuneCountInString(head)
	for i := range rows {
		r := &rows[i]
		flow := ""
		if l.Flows {
			flow = fmt.Sprintf("flow %d ", r.Flow)
		}
		hosts[i] = fmt.Sprintf("%3d.|-- %s%s", r.TTL, flow, l.Host(r))
		width = max(width, utf8.RuneCountInString(hosts[i]))
	}
	line := pad(head, width, true)
	for i := range c {
		line += " " + pad(c[i].Title, c[i].Width, c[i].Left())
	}
	fmt.Fprintln(b, strings.TrimRight(line, " "))
	for i := range rows {
		line := pad(hosts[i], width, true)
		for j := range c {
			line += " " + pad(c[j].Text(&rows[i], l), c[j].Width, c[j].Left())
		}
		if notes := l.ShortMarks(&rows[i]); notes != "" {
			line += "  " + notes
		}
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
}

// pad fills a text with spaces, on its right if it begins at the left.
func pad(text string, width int, left bool) string {
	fill := strings.Repeat(" ", max(width-utf8.RuneCountInString(text), 0))
	if left {
		return text + fill
	}
	return fill + text
}

// Endings returns how the paths of a target end: one line if all flows end alike.
func Endings(t *board.Target, l *Look) []string {
	var lines []string
	for _, p := range t.Flows {
		text := EndingText(p, l)
		if l.Flows {
			text = fmt.Sprintf("flow %d: %s", p.Flow, text)
		}
		lines = append(lines, text)
	}
	return lines
}

// EndingText returns how a path ends.
func EndingText(p *board.Path, l *Look) string {
	e := board.EndingOf(p)
	text := ""
	switch e.Reason {
	case board.Waiting:
		return "no answer yet"
	case board.Reached:
		text = fmt.Sprintf("reached at TTL %d", e.TTL)
	case board.Unreachable:
		by := ""
		if h := p.Hop(e.TTL); h != nil && h.Addr().IsValid() {
			by = ", reported by " + l.Address(h.Addr())
		}
		text = fmt.Sprintf("unreachable at TTL %d: %s%s", e.TTL, kindText(p.EndKind), by)
	case board.Loop:
		text = fmt.Sprintf("routing loop up to TTL %d", e.TTL)
	case board.NoAnswer:
		if e.TTL == 0 {
			return "no router and no target answers"
		}
		text = fmt.Sprintf("no answer beyond TTL %d", e.TTL)
	}
	if e.Reason == board.Reached || e.Reason == board.Unreachable {
		text += ", loss " + percent(e.Loss)
	}
	switch {
	case e.Limits == 1:
		text += ", 1 router limits its answers"
	case e.Limits > 1:
		text += fmt.Sprintf(", %d routers limit their answers", e.Limits)
	}
	return text
}

// kindText returns the meaning of an answer that ends a path.
func kindText(k probe.Kind) string {
	switch k {
	case probe.KindAdmin:
		return "prohibited by an administrator"
	case probe.KindHostUnreach:
		return "no route to the host"
	case probe.KindNetUnreach:
		return "no route to the network"
	case probe.KindProtoUnreach:
		return "the host lacks the protocol"
	case probe.KindUnreach:
		return "for another reason"
	}
	return strings.ReplaceAll(k.String(), "_", " ")
}

// ChangeText returns a change in one line.
func ChangeText(c *board.Change, l *Look) string {
	var parts []string
	arrow := "→"
	if l.ASCII {
		arrow = "->"
	}
	for _, h := range c.Hops {
		parts = append(parts, fmt.Sprintf("TTL %d %s %s %s", h.TTL, l.short(h.Before), arrow, l.short(h.After)))
	}
	if c.Before != c.After {
		parts = append(parts, fmt.Sprintf("length %d %s %d", c.Before, arrow, c.After))
	}
	flow := ""
	if l.Flows {
		flow = fmt.Sprintf("flow %d: ", c.Flow)
	}
	return time.Unix(0, c.Time).Format("15:04:05") + " path changed: " + flow + strings.Join(parts, ", ")
}

// short returns the address of a hop in a change.
func (l *Look) short(a netip.Addr) string {
	if !a.IsValid() {
		return "(none)"
	}
	return a.String()
}

package traceroute

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// flowPath has the first responder of a flow at each TTL.
type flowPath map[uint8]probe.Addr

// agrees reports whether the two paths are equal; silence equals every responder.
func (p flowPath) agrees(other flowPath) bool {
	for ttl, addr := range p {
		if have, ok := other[ttl]; ok && have != addr {
			return false
		}
	}
	return true
}

// branch is a responder of a row, with the flows that saw it; one without a hop is silence.
type branch struct {
	hop   *record.Hop
	flows []uint16
	rtts  []int64
	exts  []string // distinct ones, after the label
}

// The table of flows has a column for the TTL, one for the responder (Writer.Width), one for its
// round-trip times, and one for its flows.
const (
	ttlWidth  = len("30 ")
	timeWidth = len("105.339/105.456/106.745 ms")
	// leastFlows is the least room for the flows. With less, they have a line of their own.
	leastFlows = len("0-2,4-5,7,9")
	flowsName  = "flows" // of their column
	// detailIndent is in front of lines that continue a responder.
	detailIndent = "      "
)

// flowHead writes the names of the columns.
func (r *Writer) flowHead() error {
	return r.flowLine(strings.Repeat(" ", ttlWidth), " responder", "RTT min/avg/max", flowsName)
}

// flowRows writes the lines of a row of several flows.
func (r *Writer) flowRows(row Row) error {
	branches, flows := r.branches(row)
	head := fmt.Sprintf("%2d ", row.TTL)
	for _, b := range branches {
		which := "all"
		if len(b.flows) < flows || len(branches) > 1 {
			which = ranges(b.flows)
		}
		if len(branches) == 1 && b.hop == nil {
			which = ""
		}
		if err := r.flowLine(head, r.words(b), b.times(), which); err != nil {
			return err
		}
		for _, ext := range b.exts {
			if err := r.line("%s%s", detailIndent, ext); err != nil {
				return err
			}
		}
		head = strings.Repeat(" ", ttlWidth)
	}
	return nil
}

// flowLine writes a line of the table. If the responder is too long for its column, the other
// columns have a line of their own. Flows that are too many are continued in their column.
func (r *Writer) flowLine(head, responder, times, flows string) error {
	width := r.Width
	if r.Columns > 0 {
		width = max(min(width, r.Columns-ttlWidth-2-timeWidth), 0)
	}
	indent := ttlWidth + width + 2 + timeWidth + 2
	room := r.Columns - indent
	narrow, long := r.Columns > 0 && room < leastFlows, len(responder) > width
	text := broken(head+fmt.Sprintf("%-*s", width, responder), r.Columns)
	switch times = fmt.Sprintf("%-*s", timeWidth, times); {
	case long && narrow:
		text += "\n" + detailIndent + strings.TrimRight(times, " ")
	case long:
		text += "\n" + strings.Repeat(" ", ttlWidth+width+2) + times
	default:
		text += "  " + times
	}
	switch {
	case flows == "":
	case r.Columns == 0:
		text += "  " + flows
	case narrow:
		text = strings.TrimRight(text, " ") + "\n" + detailIndent
		if flows != flowsName {
			text += flowsName + " "
		}
		text += folded(flows, r.Columns-len(detailIndent+"flows "), len(detailIndent))
	default:
		text += "  " + folded(flows, room, indent)
	}
	text = strings.TrimRight(text, " ") + "\n"
	_, err := r.Out.Write([]byte(text))
	return err
}

// folded breaks a list of flows after commas, into lines of at most room columns.
func folded(flows string, room, indent int) string {
	var b strings.Builder
	for len(flows) > room {
		cut := strings.LastIndexByte(flows[:room], ',') + 1
		if cut == 0 {
			break
		}
		b.WriteString(flows[:cut] + "\n" + strings.Repeat(" ", indent))
		flows = flows[cut:]
	}
	return b.String() + flows
}

// flowTail writes which flows take the same path.
func (r *Writer) flowTail() error {
	var paths []flowPath // distinct ones
	var flows [][]uint16 // that take them
	for flow, path := range r.paths {
		i := slices.IndexFunc(paths, path.agrees)
		if i < 0 {
			i, paths, flows = len(paths), append(paths, flowPath{}), append(flows, nil)
		}
		maps.Copy(paths[i], path)
		flows[i] = append(flows[i], uint16(flow))
	}
	text := fmt.Sprintf("%d path", len(paths))
	if len(paths) != 1 {
		text += "s"
	}
	for i := range paths {
		text += []string{": ", "; "}[min(i, 1)] + "flow " + ranges(flows[i])
	}
	return r.line("%s", text)
}

// branches groups the probes of a row by responder, those of flows that heard
// nothing at its end, and counts its flows.
func (r *Writer) branches(row Row) (branches []*branch, flows int) {
	mute, heard := new(branch), map[uint16]bool{}
	for _, p := range row.Probes {
		if p.Hop == nil {
			continue
		}
		heard[p.Flow] = true
		i := slices.IndexFunc(branches, func(b *branch) bool { return b.hop.Responder == p.Hop.Responder })
		if i < 0 {
			i, branches = len(branches), append(branches, &branch{hop: p.Hop})
		}
		b := branches[i]
		if !slices.Contains(b.flows, p.Flow) {
			b.flows = append(b.flows, p.Flow)
			r.seen(p.Flow, row.TTL, p.Hop.Responder)
		}
		b.rtts = append(b.rtts, p.Hop.RTT)
		if label := r.label(p.Hop); label != "" && !slices.Contains(b.exts, label) {
			b.exts = append(b.exts, label)
		}
		if ext := r.extensions(p.Hop); ext != "" && !slices.Contains(b.exts, ext) {
			b.exts = append(b.exts, ext)
		}
	}
	for _, p := range row.Probes {
		if !heard[p.Flow] && !slices.Contains(mute.flows, p.Flow) {
			mute.flows = append(mute.flows, p.Flow)
		}
	}
	flows = len(heard) + len(mute.flows)
	if len(mute.flows) > 0 {
		branches = append(branches, mute)
	}
	return branches, flows
}

// seen notes a step of a flow's path.
func (r *Writer) seen(flow uint16, ttl uint8, responder probe.Addr) {
	if r.paths[flow] == nil {
		r.paths[flow] = flowPath{}
	}
	if _, ok := r.paths[flow][ttl]; !ok {
		r.paths[flow][ttl] = responder
	}
}

// words returns the column of the responder.
func (r *Writer) words(b *branch) string {
	if b.hop == nil {
		return " *"
	}
	return r.responder(b.hop) + mark(b.hop)
}

// times returns the column of round-trip times: the lowest, the mean and the highest.
func (b *branch) times() string {
	if len(b.rtts) == 0 {
		return ""
	}
	sum := int64(0)
	for _, rtt := range b.rtts {
		sum += rtt
	}
	low, mean, high := slices.Min(b.rtts), sum/int64(len(b.rtts)), slices.Max(b.rtts)
	return fmt.Sprintf("%s/%s/%s ms", millis(low), millis(mean), millis(high))
}

// ranges writes ascending numbers as 0-2,5.
func ranges(numbers []uint16) string {
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		if i == j {
			parts = append(parts, fmt.Sprint(numbers[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", numbers[i], numbers[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

package table

import (
	"encoding/json"
	"io"
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/watch/board"
)

// Object is a report as one JSON object. Times are in milliseconds.
type Object struct {
	Type     string         `json:"type"` // "watch-report"
	Start    string         `json:"start"`
	Cycles   uint32         `json:"cycles"`
	Reason   string         `json:"reason"` // why the watch ended
	Method   string         `json:"method"`
	Interval float64        `json:"interval_ms"`
	Targets  []ObjectTarget `json:"targets"`
}

// ObjectTarget is a target of an Object.
type ObjectTarget struct {
	Name    string         `json:"name"`
	Addr    netip.Addr     `json:"addr"`
	Flows   []ObjectFlow   `json:"flows"`
	Changes []ObjectChange `json:"changes"`
}

// ObjectFlow is the path of a flow.
type ObjectFlow struct {
	Flow   int         `json:"flow"`
	End    string      `json:"end"` // board.Reason
	EndTTL uint8       `json:"end_ttl,omitempty"`
	Loss   float64     `json:"loss_pct"`
	Hops   []ObjectHop `json:"hops"`
}

// ObjectHop is a hop.
type ObjectHop struct {
	TTL       uint8        `json:"ttl"`
	Addr      *netip.Addr  `json:"addr"`
	Name      string       `json:"name,omitempty"`
	AS        string       `json:"as,omitempty"`
	Addrs     []ObjectSeen `json:"addrs,omitempty"`
	Sent      uint64       `json:"sent"`
	Received  uint64       `json:"received"`
	Late      uint64       `json:"late"`
	Unsent    uint64       `json:"unsent"`
	Loss      float64      `json:"loss_pct"`
	Network   float64      `json:"network_loss_pct"`
	Limited   bool         `json:"limited"`
	Last      *float64     `json:"last_ms"`
	Mean      *float64     `json:"avg_ms"`
	Best      *float64     `json:"best_ms"`
	Worst     *float64     `json:"worst_ms"`
	Deviation *float64     `json:"stdev_ms"`
	Jitter    *float64     `json:"jitter_ms"`
	P50       *float64     `json:"p50_ms"`
	P90       *float64     `json:"p90_ms"`
	P95       *float64     `json:"p95_ms"`
	P99       *float64     `json:"p99_ms"`
	Notes     []string     `json:"notes,omitempty"`
}

// ObjectSeen is an address that answered.
type ObjectSeen struct {
	Addr  netip.Addr `json:"addr"`
	Count uint64     `json:"count"`
}

// ObjectChange is a change of a path.
type ObjectChange struct {
	Time   string            `json:"time"`
	Flow   int               `json:"flow"`
	Cycle  uint32            `json:"cycle"`
	Hops   []ObjectHopChange `json:"hops,omitempty"`
	Before uint8             `json:"length_before,omitempty"`
	After  uint8             `json:"length_after,omitempty"`
}

// ObjectHopChange is another address at a TTL.
type ObjectHopChange struct {
	TTL    uint8      `json:"ttl"`
	Before netip.Addr `json:"before"`
	After  netip.Addr `json:"after"`
}

// WriteObject writes a report as one JSON object. The caller fills all of o but its targets.
func WriteObject(out io.Writer, b *board.Board, o Object, l *Look) error {
	o.Type, o.Cycles = "watch-report", b.Cycles
	for _, t := range b.Targets {
		o.Targets = append(o.Targets, objectTarget(t, l))
	}
	e := json.NewEncoder(out)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(o)
}

func objectTarget(t *board.Target, l *Look) ObjectTarget {
	o := ObjectTarget{Name: t.Name, Addr: t.Addr, Changes: []ObjectChange{}}
	for _, p := range t.Flows {
		e := board.EndingOf(p)
		f := ObjectFlow{Flow: p.Flow, End: string(e.Reason), EndTTL: e.TTL, Loss: 100 * e.Loss, Hops: []ObjectHop{}}
		for ttl := uint8(1); ttl <= p.Last(); ttl++ {
			if h := p.Hop(ttl); h != nil {
				f.Hops = append(f.Hops, objectHop(p, h, l))
			}
		}
		o.Flows = append(o.Flows, f)
	}
	for i := range t.Changes {
		o.Changes = append(o.Changes, NewObjectChange(&t.Changes[i]))
	}
	return o
}

func objectHop(p *board.Path, h *board.Hop, l *Look) ObjectHop {
	r := Row{TTL: h.TTL, Flow: p.Flow, Path: p, Hop: h, Loss: p.LossAt(h.TTL)}
	o := ObjectHop{
		TTL: h.TTL, Sent: h.Sent, Received: h.Received, Late: h.Late, Unsent: h.Unsent,
		Loss: 100 * r.Loss.Share, Network: 100 * r.Loss.Network, Limited: r.Loss.Kind == board.Limited,
	}
	if a := h.Addr(); a.IsValid() {
		o.Addr = &a
		if l.Name != nil && l.Name(a) != a.String() {
			o.Name = l.Name(a)
		}
		if l.Label != nil {
			o.AS = l.Label(a)
		}
	}
	if len(h.Seen) > 1 {
		for i := range h.Seen {
			o.Addrs = append(o.Addrs, ObjectSeen{h.Seen[i].Addr, h.Seen[i].Count})
		}
	}
	for _, m := range l.Marks(&r) {
		o.Notes = append(o.Notes, m.Long)
	}
	if h.Received == 0 {
		return o
	}
	o.Last, o.Mean, o.Best, o.Worst = ms(h.Last), ms(h.Mean()), ms(h.Best), ms(h.Worst)
	o.Deviation, o.Jitter = ms(h.Deviation()), ms(h.MeanJitter)
	o.P50, o.P90, o.P95, o.P99 = ms(h.Percentile(50)), ms(h.Percentile(90)), ms(h.Percentile(95)), ms(h.Percentile(99))
	return o
}

// NewObjectChange returns a change as records have it.
func NewObjectChange(c *board.Change) ObjectChange {
	o := ObjectChange{Time: time.Unix(0, c.Time).UTC().Format(time.RFC3339Nano), Flow: c.Flow, Cycle: c.Cycle, Before: c.Before, After: c.After}
	for _, h := range c.Hops {
		o.Hops = append(o.Hops, ObjectHopChange{TTL: h.TTL, Before: h.Before, After: h.After})
	}
	return o
}

// ms returns a time in milliseconds, rounded to microseconds.
func ms(d time.Duration) *float64 {
	v := float64(d.Round(time.Microsecond)) / 1e6
	return &v
}

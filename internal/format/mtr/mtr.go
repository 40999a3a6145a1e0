// Package mtr reads the report of mtr --json: the statistics of one path.
package mtr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// Format is the JSON of a report; it is only read.
var Format = format.Format{
	Name:      "mtr",
	Begins:    begins,
	NewReader: func(in io.Reader) format.Reader { return NewReader(in) },
}

func begins(head []byte) bool {
	head = bytes.TrimSpace(head)
	if !bytes.HasPrefix(head, []byte("{")) {
		return false
	}
	head = bytes.TrimSpace(head[1:])
	return bytes.HasPrefix(head, []byte(`"report"`))
}

// mostOctets is the limit of a report. One of 255 hops has a fifth of that.
const mostOctets = 1 << 18

// report is a report. Other fields of a hub are its AS number and the deviation of the times.
type report struct {
	Report *struct {
		MTR struct {
			Dst   string `json:"dst"` // as it was given: a name or an address
			TOS   number `json:"tos"`
			Tests number `json:"tests"` // probes at each TTL
			Size  number `json:"psize"` // octets from the IP header on
		} `json:"mtr"`
		Hubs []hub `json:"hubs"`
	} `json:"report"`
}

// hub is the responder at a TTL.
type hub struct {
	Count number  `json:"count"` // TTL
	Host  string  `json:"host"`  // address, name, name (address), or ??? for silence
	Loss  float64 `json:"Loss%"`
	Sent  number  `json:"Snt"`
	Last  float64 `json:"Last"` // ms
}

// number is an integer. Older versions of mtr write some of them as strings; psize may be random,
// which is 0 here.
type number int

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseUint(strings.Trim(string(text), `"`), 10, 31)
	if err != nil && text[0] != '"' {
		return fmt.Errorf("%.40s is not a number from 0 to %d", text, math.MaxInt32)
	}
	*n = number(v)
	return nil
}

// Reader reads traces. It is used by one goroutine at a time.
type Reader struct{ objects *format.Objects }

// NewReader returns a Reader of in.
func NewReader(in io.Reader) *Reader { return &Reader{format.NewObjects(in, mostOctets)} }

// Read implements format.Reader. A report has no single probes: a hop is an address at a TTL with
// the time of its last reply.
func (r *Reader) Read() (record.Record, error) {
	object, err := r.objects.Next()
	if err != nil {
		return nil, err
	}
	var l report
	if err := json.Unmarshal(object, &l); err != nil {
		return nil, r.objects.Fault(err)
	}
	t, err := l.trace()
	if err != nil {
		return nil, r.objects.Fault(err)
	}
	return t, nil
}

func (l *report) trace() (*record.Trace, error) {
	if l.Report == nil {
		return nil, errors.New("no report of mtr")
	}
	head := &l.Report.MTR
	target, err := format.ParseAddr(head.Dst)
	if err != nil {
		return nil, fmt.Errorf("the target: %w; give mtr the address", err)
	}
	t := &record.Trace{
		Head:     record.Head{Target: target, Method: record.NoMethod, TOS: uint8(head.TOS), ProbeSize: min(int(head.Size), math.MaxUint16)},
		Attempts: uint8(min(head.Tests, math.MaxUint8)), Bare: true,
	}
	for i := range l.Report.Hubs {
		h := &l.Report.Hubs[i]
		if h.Count < 1 || h.Count > math.MaxUint8 || uint8(h.Count) <= t.MaxTTL {
			return nil, fmt.Errorf("hub %d: its count is %d, which is no TTL after %d", i+1, h.Count, t.MaxTTL)
		}
		t.MaxTTL = uint8(h.Count)
		if t.FirstTTL == 0 {
			t.FirstTTL = t.MaxTTL
		}
		t.ProbeCount += int(h.Sent)
		if err := h.add(t); err != nil {
			return nil, fmt.Errorf("hub %d: %w", i+1, err)
		}
	}
	return t, nil
}

// add adds the hop of a hub to t. The text does not have how the target answers.
func (l *hub) add(t *record.Trace) error {
	if l.Host == "???" || l.Loss >= 100 {
		return nil
	}
	host := l.Host
	if at := strings.LastIndex(host, " ("); at >= 0 {
		host = strings.Trim(host[at:], " ()")
	}
	from, err := format.ParseAddr(host)
	if err != nil {
		return fmt.Errorf("%w; run mtr with -n or -b", err)
	}
	h := record.Hop{Lacks: record.LacksKind | record.LacksValid | record.LacksAttempt}
	h.Target, h.TTL, h.Responder = t.Target, t.MaxTTL, from
	if l.Last >= 0 && l.Last < 1e9 {
		h.RTT = int64(math.Round(l.Last * 1e6))
		h.Lacks |= record.LacksSent
	}
	if t.End = h.TTL; from == t.Target {
		t.StopReason, t.Reached = record.StopCompleted, true
	} else {
		h.Protocol = probe.ICMP.Protocol(t.Target.Is4())
		if h.Type = 3; t.Target.Is4() { // time exceeded
			h.Type = 11
		}
	}
	t.Hops = append(t.Hops, h)
	return nil
}

package engine

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/link"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/internal/wire"
	"github.com/masstrace/masstrace/output"
	"github.com/masstrace/masstrace/receiver"
	"github.com/masstrace/masstrace/sender"
)

// copier keeps a copy of what is sent and received, with all that replay needs to
// come to the same records. The methods of a nil copier do nothing.
type copier struct {
	capture  *output.Capture
	sink     *output.Sink
	sent     []*output.Tap // one for each sender
	received *output.Tap
	err      error // of the file
}

// keySuffix is what the name of the file with the key ends in.
const keySuffix = ".key"

// parameters is the comment of the section header of a capture: what replay has
// to know of the run, but for the key. Targets and exclusions follow in notes.
type parameters struct {
	Masstrace int    `json:"masstrace"` // version of this form
	Run       string `json:"run"`
	Hostname  string `json:"hostname"`
	StartNS   int64  `json:"start_ns"`
	Tool      string `json:"tool"`
	// Argv is left out where it is too long.
	Argv []string `json:"argv,omitempty"`

	Seed         string     `json:"seed"`
	KeyID        string     `json:"key_id"`
	Method       string     `json:"method"`
	DstPort      uint16     `json:"dport"`
	TOS          uint8      `json:"tos"`
	Source4      netip.Addr `json:"source4"`
	Source6      netip.Addr `json:"source6"`
	PortLow      uint16     `json:"port_low"`
	PortHigh     uint16     `json:"port_high"`
	Avoid        []uint16   `json:"avoid"`
	PerPrefix    uint64     `json:"per_prefix"`
	Granularity4 int        `json:"granularity4"`
	Granularity6 int        `json:"granularity6"`
	Shard        uint64     `json:"shard"`
	Shards       uint64     `json:"shards"`
	MaxTargets   uint64     `json:"max_targets"`
	RatePPS      float64    `json:"rate_pps"`
	RateAuto     bool       `json:"rate_auto,omitempty"`
	Burst        int        `json:"burst"`
	WaitNS       int64      `json:"wait_ns"`
	strategy
	Shape         window.Shape `json:"shape"`
	Link          string       `json:"link"`
	IO            string       `json:"io"`
	Senders       int          `json:"senders"`
	TargetsSHA256 string       `json:"targets_sha256"`
	ExcludeSHA256 string       `json:"exclude_sha256"`
}

// parametersVersion is the version of the form.
const parametersVersion = 1

// note is what stands between the frames of a capture: one of these.
type note struct {
	Targets string     `json:"targets,omitempty"` // some lines
	Exclude string     `json:"exclude,omitempty"`
	Over    *overNote  `json:"over,omitempty"`
	Fault   *faultNote `json:"fault,omitempty"`
	End     *endOfCopy `json:"end,omitempty"`
}

// overNote says that a window was over: no reply behind it counted for it.
type overNote struct {
	Window     uint64 `json:"window"`
	DeadlineNS int64  `json:"deadline_ns"`
	Halted     bool   `json:"halted,omitempty"`
}

// endOfCopy says that the capture is whole.
type endOfCopy struct {
	Windows     uint64  `json:"windows"` // that were opened
	KernelDrops uint64  `json:"kernel_drops"`
	Cause       string  `json:"cause,omitempty"` // why the sending was stopped
	ElapsedS    float64 `json:"elapsed_s"`
	TxErrors    uint64  `json:"tx_errors,omitempty"` // of a list; else windows tell

	AutoRate *record.AutoRate `json:"auto_rate,omitempty"`
}

// openCopy makes the capture file and the file with the key.
func (s *session) openCopy(cfg *Config, comment []byte, notes [][]byte) (*copier, error) {
	path := cfg.Capture
	if err := writeSynced(path+keySuffix, []byte(cfg.Key+"\n")); err != nil {
		return nil, fmt.Errorf("write the key of the capture: %w", err)
	}
	c := new(copier)
	var err error
	if c.sink, err = output.Open(path, nil); err != nil {
		return nil, err
	}
	c.capture = output.NewCapture(c.sink, output.CaptureConfig{
		Link: s.paths.Name, LinkType: s.live.LinkType(),
		Head4: s.paths.head(true), Head6: s.paths.head(false),
		Tool: "masstrace/" + cfg.Version, Comment: comment, Notes: notes, Producers: 1 + len(s.ports),
	})
	c.received = c.capture.Tap()
	for range s.ports {
		c.sent = append(c.sent, c.capture.Tap())
	}
	return c, nil
}

// head returns the link header of what leaves.
func (l *paths) head(is4 bool) []byte {
	if l.Framing != link.Ethernet {
		return nil
	}
	const etherType4, etherType6 = 0x0800, 0x86dd
	to, kind := l.nextHop4, uint16(etherType4)
	if !is4 {
		to, kind = l.nextHop6, etherType6
	}
	b := append(to[:len(to):len(to)], l.Hardware...)
	return binary.BigEndian.AppendUint16(b, kind)
}

// parameters returns what records and replay have to know of the run.
func (s *scan) parameters() parameters {
	c, p := s.cfg, s.plan
	return parameters{
		Masstrace: parametersVersion, Run: s.id, Hostname: hostname(), StartNS: s.start.UnixNano(),
		Tool: "masstrace/" + c.Version, Argv: c.Argv, Seed: c.Seed, KeyID: keyID(p.key),
		Method: c.Method.String(), DstPort: c.DstPort, TOS: c.TOS,
		Source4: s.paths.source4, Source6: s.paths.source6,
		PortLow: c.PortLow, PortHigh: c.PortHigh, Avoid: s.avoid,
		PerPrefix: c.PerPrefix, Granularity4: c.Granularity4, Granularity6: c.Granularity6,
		Shard: c.Shard, Shards: c.Shards, MaxTargets: c.MaxTargets,
		RatePPS: p.ratePPS, RateAuto: c.AutoRate, Burst: p.burst, WaitNS: int64(c.Wait), strategy: p.strategy,
		Shape: p.shape, Link: s.paths.Name, IO: s.io, Senders: len(s.ports),
		TargetsSHA256: p.include.Digest(), ExcludeSHA256: p.exclude.Digest(),
	}
}

// comment returns v as the comment of a section header.
func (v parameters) comment() ([]byte, error) {
	text, err := json.Marshal(&v)
	if err == nil && len(text) > wire.MaxComment {
		v.Argv = nil
		text, err = json.Marshal(&v)
	}
	if err == nil && len(text) > wire.MaxComment {
		err = errors.New("too many ports in use for the header of a capture: give --source-port-range")
	}
	return text, err
}

// noteLines is how many octets of lists one note holds; JSON may need twice that
// for the ends of lines.
const noteLines = 24 << 10

// notes returns the lists of the plan, in notes.
func (p *plan) notes() (notes [][]byte, err error) {
	targets, err := p.include.AppendText(nil)
	if err != nil {
		return nil, err
	}
	exclude, err := p.exclude.AppendText(nil)
	if err != nil {
		return nil, err
	}
	for i, text := range [][]byte{targets, exclude} {
		for len(text) > 0 {
			n := min(len(text), noteLines)
			var v note
			if i == 0 {
				v.Targets = string(text[:n])
			} else {
				v.Exclude = string(text[:n])
			}
			b, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			notes, text = append(notes, b), text[n:]
		}
	}
	return notes, nil
}

// run writes the file until senders and receiver are done.
func (c *copier) run() error {
	if c == nil {
		return nil
	}
	c.err = c.capture.Run()
	return c.err
}

// sentAll says that a sender is done.
func (c *copier) sentAll() {
	if c != nil {
		c.capture.Done()
	}
}

// receivedAll says that the receiver is done, and if nothing failed, that the
// capture is whole.
func (c *copier) receivedAll(failed context.Context, now int64, end func() endOfCopy) {
	if c == nil {
		return
	}
	if failed.Err() == nil {
		e := end()
		c.note(now, note{End: &e})
	}
	c.capture.Done()
}

// endOfCopy returns what the capture says of the end.
func (s *scan) endOfCopy() endOfCopy {
	drops, _, _ := s.live.Drops() // not known is none
	return endOfCopy{
		Windows: s.taken, KernelDrops: drops, Cause: s.cause(), ElapsedS: float64(s.ended-s.began) / 1e9,
		AutoRate: s.auto.record(),
	}
}

func (c *copier) note(stamp int64, n note) { noteOn(c.received, stamp, n) }

// noteOn writes a note from the goroutine that the tap belongs to.
func noteOn(tap *output.Tap, stamp int64, n note) {
	if text, err := json.Marshal(n); err == nil { // of numbers and words: it cannot fail
		tap.Note(stamp, text)
	}
}

// over returns what notes that a window is over; the receiver's goroutine calls
// it.
func (c *copier) over() func(*window.Window) {
	if c == nil {
		return nil
	}
	return func(w *window.Window) {
		c.note(w.Deadline(), note{Over: &overNote{Window: w.ID, DeadlineNS: w.Deadline(), Halted: w.Halted()}})
	}
}

// attach shows c what r receives.
func (c *copier) attach(r *receiver.Receiver) {
	if c != nil {
		r.Show(c.received)
	}
}

// tap returns what the i-th sender shows its probes.
func (c *copier) tap(i int) sender.Tap {
	if c == nil {
		return nil
	}
	return c.sent[i]
}

// close closes the file, and says what was wrong with it.
func (c *copier) close() error {
	if c == nil {
		return nil
	}
	return errors.Join(c.err, c.sink.Close())
}

// codecConfig returns what the parameters mean for the codec.
func (v *parameters) codecConfig(method probe.Method, key [16]byte) codec.Config {
	return codec.Config{
		Method: method, Seed: seedOf(v.Seed), Key: key, DstPort: v.DstPort, TOS: v.TOS,
		Flows: v.Shape.Flows, MinTTL: v.Shape.FirstTTL, MaxTTL: v.Shape.LastTTL, Attempts: uint8(v.Shape.Attempts),
		PortLow: v.PortLow, PortHigh: v.PortHigh, Avoid: v.Avoid,
		Source4: v.Source4, Source6: v.Source6,
	}
}

// wait returns how long replies were waited for.
func (v *parameters) wait() time.Duration { return time.Duration(v.WaitNS) }

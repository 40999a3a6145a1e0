// Package capture writes and reads captures of runs, with all data that a replay needs for
// the same records. The section header of a pcapng file has the parameters of the run.
// Notes between the frames have its lists and events. A file beside it has the key, and
// only its owner can read that.
package capture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/sender"
)

// KeySuffix is the ending of the name of the file with the key.
const KeySuffix = ".key"

// Capture is the copy. A nil Capture keeps nothing: its methods do nothing.
type Capture struct {
	writer   *pcapng.Capture
	file     *outfile.File
	sent     []*pcapng.Tap // one for each sender
	received *pcapng.Tap
	key      string // file
	err      error  // of the file
}

// Config describes a capture.
type Config struct {
	Path     string
	Existing outfile.Existing // rule for existing files of the capture and the key
	Key      string           // hexadecimal
	LinkType int              // of the frames, a number of pcap
	// Head4 and Head6 are the link headers of packets sent.
	Head4, Head6 []byte
	Senders      int
}

// Files returns the files that a capture at path is made of; none if there is no path.
func Files(path string) []string {
	if path == "" {
		return nil
	}
	return []string{path, path + KeySuffix}
}

// Create makes the capture file and the file with the key. targets and exclude are the
// lists of the run; targets is nil for a list of probes.
func Create(c Config, p plan.Params, targets *target.Lines, exclude target.Set) (*Capture, error) {
	comment, err := header(p)
	if err != nil {
		return nil, err
	}
	copy := new(Capture)
	if copy.file, err = outfile.Open(c.Path, nil, c.Existing); err != nil {
		return nil, err
	}
	// The capture is locked by now: the key is not that of another run, which still
	// writes it.
	write := outfile.WriteNew
	if c.Existing == outfile.Overwrite {
		write = outfile.Replace
	}
	if err := write(c.Path+KeySuffix, 0o600, []byte(c.Key+"\n")); err != nil {
		return nil, errors.Join(fmt.Errorf("key of the capture: %w", err), copy.file.Discard())
	}
	copy.key = c.Path + KeySuffix
	copy.writer = pcapng.NewCapture(copy.file, pcapng.CaptureConfig{
		Link: p.Link, LinkType: c.LinkType, Head4: c.Head4, Head6: c.Head6,
		Tool: p.Tool, Comment: comment, Notes: lists(targets, exclude), Producers: 1 + c.Senders,
	})
	copy.received = copy.writer.Tap()
	for range c.Senders {
		copy.sent = append(copy.sent, copy.writer.Tap())
	}
	return copy, nil
}

// header returns p as the comment of a section header.
func header(p plan.Params) ([]byte, error) {
	text, err := json.Marshal(&p)
	if err == nil && len(text) > pcapng.MaxComment {
		p.Argv = nil
		text, err = json.Marshal(&p)
	}
	if err == nil && len(text) > pcapng.MaxComment {
		p.Names = nil
		text, err = json.Marshal(&p)
	}
	if err == nil && len(text) > pcapng.MaxComment {
		err = errors.New("too many ports are in use for the header of a capture: limit the source ports")
	}
	return text, err
}

// noteLines is how many bytes of lists one note holds; JSON may need twice that for the
// ends of lines.
const noteLines = 24 << 10

// lists returns the lists of a run, in notes. They are made one by one: a list of millions of
// addresses has much text.
func lists(include *target.Lines, exclude target.Set) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if include == nil {
			return
		}
		noted := func(n Note) bool {
			b, err := json.Marshal(n) // of two strings: it cannot fail
			return err != nil || yield(b)
		}
		for text := range include.Text(noteLines) {
			if !noted(Note{Targets: string(text)}) {
				return
			}
		}
		for text := range exclude.Text(noteLines) {
			if !noted(Note{Exclude: string(text)}) {
				return
			}
		}
	}
}

// Run writes the file until senders and receiver are done. When ctx ends, they do not wait for it.
func (c *Capture) Run(ctx context.Context) error {
	if c == nil {
		return nil
	}
	c.err = c.writer.Run(ctx)
	return c.err
}

// SentAll reports that a sender is done.
func (c *Capture) SentAll() {
	if c != nil {
		c.writer.Done()
	}
}

// ReceivedAll reports that the receiver is done. An end note, at a time of the run in ns,
// vouches that the capture is whole; nil leaves it out.
func (c *Capture) ReceivedAll(now int64, end *End) {
	if c == nil {
		return
	}
	if end != nil {
		c.note(now, Note{End: end})
	}
	c.writer.Done()
}

func (c *Capture) note(stamp int64, n Note) { noteOn(c.received, stamp, n) }

// noteOn writes a note from the goroutine that the tap belongs to.
func noteOn(tap *pcapng.Tap, stamp int64, n Note) {
	if text, err := json.Marshal(n); err == nil { // of numbers and words: it cannot fail
		tap.Note(stamp, text)
	}
}

// Over returns a function that notes that a window is over, nil of a nil Capture. The
// receiver's goroutine calls it.
func (c *Capture) Over() func(*window.Window) {
	if c == nil {
		return nil
	}
	return func(w *window.Window) {
		c.note(w.Deadline(), Note{Over: &Over{Window: w.ID, DeadlineNS: w.Deadline(), Halted: w.Halted()}})
	}
}

// Received returns the tap that a receiver shows its frames, nil of a nil Capture.
func (c *Capture) Received() *pcapng.Tap {
	if c == nil {
		return nil
	}
	return c.received
}

// Sent returns the tap that the i-th sender shows its probes, nil of a nil Capture.
func (c *Capture) Sent(i int) sender.Tap {
	if c == nil {
		return nil
	}
	return c.sent[i]
}

// Discard closes the capture of a run that did not begin, and removes the files of Create.
func (c *Capture) Discard() error {
	if c == nil {
		return nil
	}
	return errors.Join(c.file.Discard(), os.Remove(c.key))
}

// Close closes the file, and returns the first error of the capture.
func (c *Capture) Close() error {
	if c == nil {
		return nil
	}
	return errors.Join(c.err, c.file.Close())
}

// Note is a note between the frames of a capture. One of its fields is set.
type Note struct {
	Targets string `json:"targets,omitempty"` // some lines
	Exclude string `json:"exclude,omitempty"`
	Over    *Over  `json:"over,omitempty"`
	Fault   *Fault `json:"fault,omitempty"`
	End     *End   `json:"end,omitempty"`
}

// Over is that a window was over: no reply after the note counted for it.
type Over struct {
	Window     uint64 `json:"window"`
	DeadlineNS int64  `json:"deadline_ns"`
	Halted     bool   `json:"halted,omitempty"`
}

// End is that the capture is whole.
type End struct {
	Windows     uint64  `json:"windows"` // that were opened
	KernelDrops uint64  `json:"kernel_drops"`
	Cause       string  `json:"cause,omitempty"` // why the sending was stopped
	ElapsedS    float64 `json:"elapsed_s"`
	TxErrors    uint64  `json:"tx_errors,omitempty"` // of a list; else windows have them
	Excluded    uint64  `json:"excluded,omitempty"`  // probes of a list that were not sent

	AutoRate *record.AutoRate `json:"auto_rate,omitempty"`
}

package replay

import (
	"context"
	"errors"
	"math"

	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/recorder"
	"github.com/masstrace/masstrace/internal/run"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/matcher"
)

// windows replays a capture of a scan of ours to the records of the scan. The windows are
// those of the plan, which follows from the parameters. A probe in the capture fills its
// slot. Replies are matched in the order of the scan, and a window retires at its note. All
// of this runs on one goroutine, except for the reader.
type windows struct {
	results
	params *plan.Params
	method probe.Method
	key    [16]byte
	lists  struct{ targets, exclude noteList }

	plan     *plan.Plan // nil before the first frame
	codec    *codec.Codec
	reader   *capture.Reader
	finder   *target.Finder
	set      *window.Set
	matcher  *matcher.Matcher
	recorder *recorder.Recorder
	retired  chan *window.Window
	opened   uint64 // windows
	probed   uint64 // windows with a probe, the highest and those before it

	waiting capture.Queue
}

// lookahead is the time for which a reply is held, in ns of the capture's time. The sender
// may write a probe to the capture after the receiver writes its reply.
const lookahead = 2e9

func newWindows(p *replay, v *plan.Params, key [16]byte) (*windows, error) {
	method, err := probe.ParseMethod(v.Method)
	if err != nil {
		return nil, err
	}
	if err := v.Validate(); err != nil {
		return nil, err
	}
	w := &windows{results: newOwn(p, v), params: v, method: method, key: key}
	w.lists.targets.name, w.lists.exclude.name = "targets of the capture", "exclusions of the capture"
	if w.codec, err = codec.New(v.Codec(method, key)); err != nil {
		return nil, err
	}
	if p.cfg.Records&record.Replies != 0 && v.Shape.Unlinked == 0 {
		v.Shape.Unlinked = plan.Unlinked(v.Shape)
	}
	w.set = window.NewSet(v.Shape) // faults may be noted before the first frame
	w.set.Sealed6 = method.HasSeal6()
	return w, nil
}

// run replays the file.
func (w *windows) run(ctx context.Context, f *pcapng.File) error {
	w.reader = capture.NewReader(f, w.codec)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	w.supervisor.Go("read capture", func() error { ended <- w.reader.Run(reading); return nil })
	err := w.blocks()
	stop()
	fault := <-ended
	switch {
	case err != nil:
		return err
	case fault != nil && !errors.Is(fault, pcapng.ErrCapture):
		return fault
	case ctx.Err() != nil:
		return nil
	}
	if w.plan == nil {
		if err := w.begin(); err != nil {
			return errors.Join(fault, err)
		}
	}
	if err := w.release(math.MaxInt64); err != nil {
		return err
	}
	return w.finish(fault)
}

// blocks takes all that the reader reads.
func (w *windows) blocks() error {
	for b := range w.reader.Blocks {
		if err := w.block(b); err != nil {
			return err
		}
	}
	return nil
}

// block takes a block: its probes at once, its replies later.
func (w *windows) block(b *capture.Block) error {
	w.last = b.Last
	w.strays += b.Strays
	if b.Frames > 0 && w.plan == nil {
		if err := w.begin(); err != nil {
			return err
		}
	}
	for i := range b.Probes {
		if err := w.probe(&b.Probes[i]); err != nil {
			return err
		}
	}
	if b.Note != nil {
		w.note(b.Note)
	}
	if w.plan == nil { // no frame yet: nothing can be over
		w.reader.Used(b)
		return nil
	}
	w.waiting.Push(b)
	return w.release(w.last - lookahead)
}

// note applies a note from here on.
func (w *windows) note(n *capture.Note) {
	w.lists.targets.add(n.Targets)
	w.lists.exclude.add(n.Exclude)
	if n.Fault != nil {
		n.Fault.AddTo(&w.set.Faults)
	}
	if n.End != nil {
		w.end = n.End
	}
}

// begin works out the plan, once the lists are complete, and opens windows.
func (w *windows) begin() error {
	include, err := w.lists.targets.end()
	exclude, bad := w.lists.exclude.end()
	if err = errors.Join(err, bad); err == nil {
		w.plan, err = plan.Restore(*w.params, w.method, w.key, include, exclude.Set())
	}
	if err != nil {
		return &run.Incomplete{Err: err}
	}
	p := w.plan
	w.finder = p.Order.Finder()
	w.retired = make(chan *window.Window, window.Live)
	w.matcher = matcher.New(matcher.Config{
		Index: w.finder, Set: w.set, Retired: w.retired, StopSet: p.StopSet(), Heard: &w.reader.Decoder.Heard,
	})
	w.recorder = &recorder.Recorder{
		Assembler: trace.NewAssembler(p.Assembler(w.codec, &w.set.Faults)), Writer: w.writer, Kinds: w.cfg.Records,
	}
	for range window.Live {
		w.open(nil)
	}
	return w.results.begin()
}

// open opens the next window, if there is one, in the memory of a cleared one if that is
// not nil.
func (w *windows) open(cleared *window.Window) {
	if w.opened == w.plan.Windows {
		return
	}
	if cleared == nil {
		cleared = window.New(w.plan.Shape)
	}
	w.plan.OpenWindow(w.set, cleared, w.opened)
	w.opened++
}

// probe fills the slot of a probe.
func (w *windows) probe(p *capture.Sent) error {
	position, ok := w.finder.PositionOf(p.Target)
	if !ok {
		w.strays++
		return nil
	}
	live, i := w.set.At(position)
	if live == nil {
		// The note on the window whose place it needs came before, and waits. Replies
		// before the note answer earlier probes, which are in the file before them. Replies
		// after it may still wait for their probes.
		if err := w.releaseNote(position); err != nil {
			return err
		}
		if live, i = w.set.At(position); live == nil {
			w.strays++
			return nil
		}
	}
	slot := window.Slot{Target: i, Flow: p.Flow, TTL: p.TTL, Attempt: p.Attempt}
	if !live.Reserve(slot) { // more probes than the scan had room for
		w.strays++
		return nil
	}
	w.probed = max(w.probed, live.ID+1)
	live.Stamp(slot, p.Stamp)
	return nil
}

// release matches waiting replies that came before a time.
func (w *windows) release(before int64) error {
	for w.waiting.Due(before) {
		if err := w.releaseFirst(); err != nil {
			return err
		}
	}
	return nil
}

// releaseNote matches waiting replies until the window that holds position is live.
func (w *windows) releaseNote(position uint64) error {
	for len(w.waiting.Blocks) > 0 {
		if err := w.releaseFirst(); err != nil {
			return err
		}
		if live, _ := w.set.At(position); live != nil {
			break
		}
	}
	return nil
}

// releaseFirst matches the block that waits longest; no window is over but by its note.
func (w *windows) releaseFirst() error {
	b := w.waiting.Pop()
	defer w.reader.Used(b)
	w.matcher.Replies(b.Replies, 0)
	if b.Note == nil || b.Note.Over == nil {
		return nil
	}
	over := b.Note.Over
	return w.over(over.Window, over.DeadlineNS, over.Halted)
}

// over ends a window and writes its records.
func (w *windows) over(id uint64, deadline int64, halted bool) error {
	live := w.set.Get(id)
	if live == nil {
		return nil
	}
	live.Close(deadline, halted)
	w.matcher.Replies(nil, math.MaxInt64)
	for {
		select {
		case retired := <-w.retired:
			w.recorder.Window(context.Background(), retired)
			if w.recorder.Err != nil {
				return run.OutputFailed(w.recorder.Err)
			}
			retired.Reset()
			w.open(retired)
			continue
		default:
		}
		return nil
	}
}

// finish ends windows on which there is no note, because the capture is cut or the scan
// was killed, and writes the rest.
func (w *windows) finish(fault error) error {
	taken := w.probed
	if w.end != nil {
		taken = max(taken, min(w.end.Windows, w.plan.Windows))
	}
	for id := range taken {
		if err := w.over(id, w.last, true); err != nil {
			return err
		}
	}
	return w.results.finish(w.summary(taken), fault, ": later windows are incomplete")
}

// summary adds up the counts.
func (w *windows) summary(taken uint64) *record.Summary {
	r := w.recorder
	sum := &record.Summary{Account: r.Sum}
	rest := w.matcher.Unsettled()
	sum.Hear(&rest)
	seen, more := r.Assembler.Limited()
	sum.Name(more, seen)
	w.plan.AddNever(&sum.Account, taken)
	sum.LeftOut = w.plan.LeftOut()
	sum.Complete, sum.Reason = sum.Skipped.Interrupted == 0 && r.Halted == 0, record.ReasonDone
	return sum
}

package engine

import (
	"bytes"
	"context"
	"errors"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/masstrace/masstrace/internal/codec"
	"github.com/masstrace/masstrace/internal/format/ndjson"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
	"github.com/masstrace/masstrace/internal/trace"
	"github.com/masstrace/masstrace/internal/window"
	"github.com/masstrace/masstrace/matcher"
	"github.com/masstrace/masstrace/receiver"
)

// ownReplay replays a capture of a scan of ours to the records of the scan. The
// windows are those of the plan, which follows from the parameters; a probe in the
// capture fills its slot; replies are matched in the order in which they were; and
// a window is over where a note says so. All on one goroutine, but for what the
// reader does.
type ownReplay struct {
	copied
	method probe.Method
	key    [16]byte
	lists  struct{ targets, exclude bytes.Buffer }

	plan     *plan // nil before the first frame
	codec    *codec.Codec
	reader   *ownReader
	finder   *target.Finder
	set      *window.Set
	matcher  *matcher.Matcher
	recorder *recorder
	retired  chan *window.Window
	opened   uint64 // windows
	probed   uint64 // windows with a probe, the highest and those before it

	waiting waiting
}

// lookahead is for how long, in ns of the capture's time, a reply is held: the
// sender may hand a probe to the capture only after the receiver its reply.
const lookahead = 2e9

func newOwnReplay(r *replayer, v *parameters, key [16]byte) (*ownReplay, error) {
	method, err := probe.ParseMethod(v.Method)
	if err != nil {
		return nil, err
	}
	o := &ownReplay{copied: copied{replayer: r, v: v}, method: method, key: key}
	if o.codec, err = codec.New(v.codecConfig(method, key)); err != nil {
		return nil, err
	}
	if s := v.Shape; s.Targets < 1 || s.Targets*s.TTLs()*s.Flows > math.MaxInt32 || s.Unlinked < 0 || s.ExtensionOctets < 0 {
		return nil, errors.New("the header has no shape of windows that makes sense")
	}
	if r.cfg.Records&record.Replies != 0 && v.Shape.Unlinked == 0 {
		v.Shape.Unlinked = unlinked(v.Shape.Targets, v.Shape) + 1024
	}
	o.set = window.NewSet(v.Shape) // faults may be noted before the first frame
	return o, nil
}

// run replays the file.
func (o *ownReplay) run(ctx context.Context, f *receiver.File) error {
	o.reader = newOwnReader(f, o.codec)
	reading, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error { return o.reader.run(reading) })
	err := o.blocks()
	stop()
	fault := g.Wait()
	switch {
	case err != nil:
		return err
	case fault != nil && !errors.Is(fault, receiver.ErrCapture):
		return fault
	case ctx.Err() != nil:
		return nil
	}
	if o.plan == nil {
		if err := o.begin(); err != nil {
			return errors.Join(fault, err)
		}
	}
	if err := o.release(math.MaxInt64); err != nil {
		return err
	}
	return o.finish(fault)
}

// blocks takes all that the reader reads.
func (o *ownReplay) blocks() error {
	for b := range o.reader.read {
		if err := o.block(b); err != nil {
			return err
		}
	}
	return nil
}

// block takes a block: its probes at once, its replies later.
func (o *ownReplay) block(b *ownBlock) error {
	o.last = b.last
	o.strays += b.strays
	if b.frames > 0 && o.plan == nil {
		if err := o.begin(); err != nil {
			return err
		}
	}
	for i := range b.probes {
		if err := o.probe(&b.probes[i]); err != nil {
			return err
		}
	}
	if b.note != nil {
		o.note(b.note)
	}
	if o.plan == nil { // no frame yet: nothing can be over
		o.reader.used(b)
		return nil
	}
	o.waiting.push(b)
	return o.release(o.last - lookahead)
}

// note takes what holds from now on.
func (o *ownReplay) note(n *note) {
	o.lists.targets.WriteString(n.Targets)
	o.lists.exclude.WriteString(n.Exclude)
	if n.Fault != nil {
		n.Fault.addTo(&o.set.Faults)
	}
	if n.End != nil {
		o.end = n.End
	}
}

// begin works out the plan, once the lists are complete, and opens windows.
func (o *ownReplay) begin() error {
	v := o.v
	p := &plan{seed: seedOf(v.Seed), key: o.key, include: new(target.Lines), shape: v.Shape, ratePPS: v.RatePPS}
	exclude := new(target.Lines)
	err := errors.Join(p.include.Read("targets of the capture", &o.lists.targets),
		exclude.Read("exclusions of the capture", &o.lists.exclude))
	p.exclude = exclude.Set()
	if err == nil && p.include.Digest() != v.TargetsSHA256 {
		err = errors.New("the targets in the capture are not those of the run")
	}
	if err == nil {
		err = p.indexTargets(&Config{
			PerPrefix: v.PerPrefix, Granularity4: v.Granularity4, Granularity6: v.Granularity6,
			Shard: v.Shard, Shards: v.Shards, MaxTargets: v.MaxTargets,
		})
	}
	if err != nil {
		return &Error{Partial, err}
	}
	p.windows = p.countWindows()
	o.plan = p
	o.finder = p.order.Finder()
	o.retired = make(chan *window.Window, window.Live)
	p.strategy = v.strategy.withDefaults()
	o.matcher = matcher.New(matcher.Config{Index: o.finder, Set: o.set, Retired: o.retired, Known: p.stopSet()})
	source4, source6 := probe.AddrFrom(v.Source4), probe.AddrFrom(v.Source6)
	o.recorder = &recorder{
		writer: ndjson.NewWriter(o.sink, ndjson.Config{Kinds: o.cfg.Records, Run: v.Run, Hostname: v.Hostname}),
		failed: func(error) {},
		assembler: trace.NewAssembler(trace.AssemblerConfig{
			Method: o.method, Source4: source4, Source6: source6,
			Size4: o.codec.Size(true), Size6: o.codec.Size(false),
			DstPort: v.DstPort, TOS: v.TOS, Wait: v.wait(), Flows: o.codec, Faults: &o.set.Faults,
			GapLimit: p.GapLimit, Backward: p.backward(), Tree: p.tree(),
		}),
	}
	for range window.Live {
		o.open(nil)
	}
	run := v.runRecord()
	w := o.recorder.writer
	if err := errors.Join(w.Write(cycleStart(endsAt(v.StartNS))), w.Write(&run)); err != nil {
		return outputFailed(err)
	}
	return nil
}

// open opens the next window, if there is one, in the memory of w if that is not
// nil.
func (o *ownReplay) open(w *window.Window) {
	if o.opened == o.plan.windows {
		return
	}
	if w == nil {
		w = window.New(o.v.Shape)
	}
	(&opener{order: o.plan.order, shape: o.v.Shape, set: o.set}).open(w, o.opened)
	o.opened++
}

// probe fills the slot of a probe.
func (o *ownReplay) probe(p *sentProbe) error {
	position, ok := o.finder.PositionOf(p.Target)
	if !ok {
		o.strays++
		return nil
	}
	w, i := o.set.At(position)
	if w == nil {
		// The note on the window whose place it needs came before, and waits. What
		// came before the note was asked before this probe, and so is in the file
		// before it; what came after may yet wait for its probe.
		if err := o.releaseNote(position); err != nil {
			return err
		}
		if w, i = o.set.At(position); w == nil {
			o.strays++
			return nil
		}
	}
	o.probed = max(o.probed, w.ID+1)
	w.Stamp(window.Slot{Target: i, Flow: p.Flow, TTL: p.TTL, Attempt: p.Attempt}, p.stamp)
	return nil
}

// release matches what waits and came before a time.
func (o *ownReplay) release(before int64) error {
	for o.waiting.due(before) {
		if err := o.releaseFirst(); err != nil {
			return err
		}
	}
	return nil
}

// releaseNote matches what waits until the window that holds position is live.
func (o *ownReplay) releaseNote(position uint64) error {
	for len(o.waiting.blocks) > 0 {
		if err := o.releaseFirst(); err != nil {
			return err
		}
		if live, _ := o.set.At(position); live != nil {
			break
		}
	}
	return nil
}

// releaseFirst matches the block that waits longest; no window is over but by its
// note.
func (o *ownReplay) releaseFirst() error {
	b := o.waiting.pop()
	defer o.reader.used(b)
	o.matcher.Replies(b.replies, 0)
	if b.note == nil || b.note.Over == nil {
		return nil
	}
	over := b.note.Over
	return o.over(over.Window, over.DeadlineNS, over.Halted)
}

// over ends a window and writes its records.
func (o *ownReplay) over(id uint64, deadline int64, halted bool) error {
	w := o.set.Get(id)
	if w == nil {
		return nil
	}
	w.Close(deadline, halted)
	o.matcher.Replies(nil, math.MaxInt64)
	for {
		select {
		case w := <-o.retired:
			o.recorder.window(context.Background(), w)
			if o.recorder.err != nil {
				return outputFailed(o.recorder.err)
			}
			w.Reset()
			o.open(w)
			continue
		default:
		}
		return nil
	}
}

// finish ends windows on which there is no note, because the capture is cut or the
// scan was killed, and writes the rest.
func (o *ownReplay) finish(fault error) error {
	taken := o.probed
	if o.end != nil {
		taken = max(taken, o.end.Windows)
	}
	for id := range taken {
		if err := o.over(id, o.last, true); err != nil {
			return err
		}
	}
	return o.copied.finish(o.recorder.writer, o.summary(taken), fault, ": windows from there on are cut")
}

// summary gathers the counts.
func (o *ownReplay) summary(taken uint64) *record.Summary {
	heard := heardOf(o.method, &o.matcher.Stats, new(matcher.Counts), &o.reader.decoder.Stats)
	sum := sumOf(o.plan, 0, taken, o.recorder.assembler, heard, nil)
	addNever(sum, o.plan, taken)
	sum.Complete, sum.Reason = sum.Skipped.Interrupted == 0 && o.recorder.halted == 0, record.ReasonDone
	o.ended(sum)
	return sum
}

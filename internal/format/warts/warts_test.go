package warts

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/format"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/wire"
)

// kept returns a trace without the fields that Format.Lacks lists.
func kept(t *record.Trace) *record.Trace {
	k := *t
	k.FirstTTL = lowestTTL(t)
	k.Wait = (t.Wait + time.Second - 1).Truncate(time.Second)
	k.Start -= t.Start % 1e3
	k.Flow.Label = 0
	if t.Method == probe.ICMP {
		k.DstPort = 0
	}
	k.Answered, k.Silent, k.RateLimited, k.UnderDrops, k.Contested, k.Withheld = 0, nil, nil, nil, nil, nil
	k.Inferred, k.Loops, k.PathHash, k.NATFirstTTL, k.Distance = nil, nil, 0, 0, 0
	k.Touched, k.Halted, k.CutOff, k.Bare = false, false, false, true
	k.Reached = t.StopReason == record.StopCompleted
	k.Hops = nil
	for i := range t.Hops {
		k.Hops = append(k.Hops, keptHop(&t.Hops[i]))
	}
	return &k
}

// keptHop is likewise of a hop.
func keptHop(h *record.Hop) record.Hop {
	k := *h
	timed := h.HasRTT()
	k.RTT = min(h.RTT, (1<<32-1)*1e3) / 1e3 * 1e3
	k.Sent = h.Sent / 1e3 * 1e3
	k.Stamp = 0
	k.Lacks = h.Lacks&record.LacksAttempt | record.LacksKind | record.LacksValid
	switch {
	case !timed:
		k.RTT, k.Sent = 0, 0
	case k.Sent != 0:
		k.Stamp = k.Sent + k.RTT
	default:
		k.Lacks |= record.LacksSent
	}
	k.Kind, k.Valid, k.Mangled, k.Lagged, k.Alone, k.QuotedID, k.QuotedLen = 0, 0, 0, false, false, 0, 0
	k.ReplySize, k.MTU, k.QuotedSize = min(h.ReplySize, 65535), min(h.MTU, 65535), min(h.QuotedSize, 65535)
	k.Ext = withValidSum(h.Ext)
	return k
}

// withValidSum returns the extension structure of the objects of ext.
func withValidSum(ext []byte) []byte {
	var x wire.Extension
	if len(ext) == 0 || x.Decode(ext) != nil {
		return nil
	}
	var list []wire.Object
	for objects := x.Objects(); objects.Next(); {
		list = append(list, objects.Object)
	}
	return wire.AppendExtension(nil, list...)
}

// Every record comes back as far as warts has a place for it.
func TestRoundTrip(t *testing.T) {
	all := samples(t)
	got, err := readAll(NewReader(bytes.NewReader(written(t, all...))))
	if err != nil || len(got) != len(all) {
		t.Fatalf("%d records of %d, %v", len(got), len(all), err)
	}
	for i, rec := range all {
		if trace, ok := rec.(*record.Trace); ok {
			rec = kept(trace)
		}
		if diff := cmp.Diff(rec, got[i]); diff != "" {
			t.Errorf("record %d (-want +got):\n%s", i, diff)
		}
	}
}

// Records that were read give the same file again.
func TestTwice(t *testing.T) {
	first := written(t, samples(t)...)
	all, err := readAll(NewReader(bytes.NewReader(first)))
	if err != nil {
		t.Fatal(err)
	}
	if second := written(t, all...); !bytes.Equal(first, second) {
		t.Errorf("%d bytes became %d", len(first), len(second))
	}
}

// Cycles have the numbers that scamper gives them: lists count once for each name.
func TestCycles(t *testing.T) {
	second := &record.CycleStart{Cycle: record.Cycle{ListName: "other", ID: 8, Hostname: "vp1", Time: 1790001000}}
	all := []record.Record{
		cycleStart(), base(1), cycleStop(), cycleStart(), base(1), cycleStop(), second, base(1),
		&record.CycleStop{Cycle: record.Cycle{ListName: "other", ID: 8, Hostname: "vp1", Time: 1790002000}},
	}
	file := written(t, all...)
	got, err := readAll(NewReader(bytes.NewReader(file)))
	if diff := cmp.Diff(all, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if n := bytes.Count(file, []byte{0x12, 0x05, 0, typeList}); n != 2 {
		t.Errorf("%d lists, want 2", n)
	}
}

// A file without a cycle names the vantage point in a definition; a resumed one goes on.
func TestBegins(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(format.Output{Out: &b, Hostname: "vp9"})
	if err := errors.Join(w.Write(base(1)), w.Write(base(2)), w.Flush()); err != nil {
		t.Fatal(err)
	}
	got, err := readAll(NewReader(&b))
	if err != nil || len(got) != 3 || got[0].(*record.CycleStart).Hostname != "vp9" || got[0].(*record.CycleStart).Time != 1790000001 {
		t.Errorf("%v, %v", got, err)
	}

	whole := written(t, cycleStart(), base(1), base(1), cycleStop())
	parts := append(written(t, cycleStart(), base(1)), written(t, new(record.Resume), base(1), cycleStop())...)
	if !bytes.Equal(whole, parts) {
		t.Error("a resumed file differs from one that was never interrupted")
	}
}

// Only the records of the chosen kinds are written.
func TestKinds(t *testing.T) {
	for kinds, want := range map[record.Kinds]int{record.Traces: 3, record.Both: 3, record.Replies: 2, 0: 3} {
		var b bytes.Buffer
		w := NewWriter(format.Output{Out: &b, Kinds: kinds})
		if err := errors.Join(w.Write(cycleStart()), w.Write(base(1)), w.Write(&record.Reply{}), w.Write(&record.Summary{}),
			w.Write(cycleStop()), w.Flush()); err != nil {
			t.Fatal(err)
		}
		if got, err := readAll(NewReader(&b)); err != nil || len(got) != want {
			t.Errorf("%v: %d records, %v; want %d", kinds, len(got), err, want)
		}
	}
}

func TestMethods(t *testing.T) {
	for number, want := range map[byte]probe.Method{
		1: probe.ICMP, 2: probe.UDP, 3: probe.TCPSYN, 4: probe.ICMP, 5: probe.UDP, 6: probe.TCPACK,
		0: record.NoMethod, 7: record.NoMethod, 255: record.NoMethod,
	} {
		if got := methodOf(number); got != want {
			t.Errorf("method %d is %v, want %v", number, got, want)
		}
	}
}

// limited fails after some octets, as a full disk does.
type limited struct{ bytes.Buffer }

var errFull = errors.New("full")

func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) > 2*bufferLen {
		return 0, errFull
	}
	return l.Buffer.Write(b)
}

// A full disk leaves whole objects, and the error stays.
func TestFull(t *testing.T) {
	var out limited
	w := NewWriter(format.Output{Out: &out})
	trace := base(30)
	var err error
	for err == nil {
		err = w.Write(trace)
	}
	if again := w.Flush(); !errors.Is(err, errFull) || again != err || w.Write(trace) != err {
		t.Errorf("%v, then %v", err, again)
	}
	if got, err := readAll(NewReader(&out.Buffer)); err != nil || len(got) == 0 {
		t.Errorf("%d records, %v", len(got), err)
	}
}

// A trace is written without an allocation.
func TestAllocs(t *testing.T) {
	w := NewWriter(format.Output{Out: &bytes.Buffer{}}).(*Writer)
	trace := base(16)
	_ = w.Write(trace)
	if n := testing.AllocsPerRun(100, func() {
		w.buf = w.buf[:0]
		_ = w.Write(trace)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkWriter(b *testing.B) {
	w := NewWriter(format.Output{Out: discard{}})
	trace := base(16)
	b.SetBytes(int64(len(written(b, trace))))
	b.ReportAllocs()
	for b.Loop() {
		_ = w.Write(trace)
	}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

func BenchmarkReader(b *testing.B) {
	const n = 1000
	trace := base(16)
	var all []record.Record
	for range n {
		all = append(all, trace)
	}
	file := written(b, all...)
	b.SetBytes(int64(len(file) / n))
	b.ReportAllocs()
	var r format.Reader
	for i := 0; b.Loop(); i++ {
		if i%n == 0 {
			r = NewReader(bytes.NewReader(file))
		}
		if _, err := r.Read(); err != nil {
			b.Fatal(err)
		}
	}
}

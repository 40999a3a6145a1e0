package netsim

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestQueue(t *testing.T) {
	q := NewQueue(1000)
	r := rand.New(rand.NewPCG(1, 1))
	due := map[uint32]int64{}
	now, next := int64(1e18), uint32(0)
	q.PopDue(now, func([]byte) { t.Fatal("empty queue emits") })
	for range 20000 {
		now += r.Int64N(1e6)
		if r.IntN(1000) == 0 {
			now += 3e9 // the pump slept
		}
		for range r.IntN(3) {
			b := make([]byte, 4+r.IntN(1500))
			binary.BigEndian.PutUint32(b, next)
			at := now + r.Int64N(300e6)
			if r.IntN(100) == 0 {
				at = now + r.Int64N(2e9)
			}
			before := q.Drops()
			q.Push(at, b)
			if q.Drops() == before {
				due[next] = at
			}
			next++
		}
		q.PopDue(now, func(b []byte) {
			id := binary.BigEndian.Uint32(b)
			at, ok := due[id]
			if !ok || at > now {
				t.Fatalf("packet %d due %d emitted at %d", id, at, now)
			}
			delete(due, id)
		})
		for id, at := range due {
			if at < now-2<<tickShift {
				t.Fatalf("packet %d due %d still held at %d", id, at, now)
			}
		}
		if at, ok := q.NextDue(); ok != (q.Len() > 0) || ok && at <= now {
			t.Fatalf("NextDue %d, %v at %d with %d held", at, ok, now, q.Len())
		}
		if len(due) != q.Len() {
			t.Fatalf("%d held, want %d", q.Len(), len(due))
		}
	}
	q.PopDue(now+10e9, func([]byte) {})
	if q.Len() != 0 {
		t.Errorf("%d left", q.Len())
	}
}

func TestQueueBound(t *testing.T) {
	q := NewQueue(10)
	for range 15 {
		q.Push(5, []byte("packet"))
	}
	if q.Len() != 10 || q.Drops() != 5 {
		t.Errorf("%d held, %d dropped", q.Len(), q.Drops())
	}
	q.Push(5, make([]byte, maxBuffer+1))
	if q.Drops() != 6 {
		t.Error("a packet without a buffer is not counted")
	}
	buf := []byte("packet")
	q.PopDue(1e9, func([]byte) {})
	now := int64(1e9)
	if n := testing.AllocsPerRun(1000, func() {
		now += 1e5
		q.Push(now+1e6, buf)
		q.PopDue(now, func([]byte) {})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestLog(t *testing.T) {
	for _, name := range []string{"default", "multipath"} {
		t.Run(name, func(t *testing.T) { testLog(t, name) })
	}
}

func testLog(t *testing.T, name string) {
	cfg := preset(t, name)
	cfg.Noise, cfg.Seed = 0.5, 1<<63+12345
	cfg.Remap = After(time.Second)
	s := newSim(t, cfg)
	var file bytes.Buffer
	w, err := NewLogWriter(&file, cfg)
	must(t, err)
	r := rand.New(rand.NewPCG(2, 2))
	var want []Record
	for i := range 2000 {
		b := randomProbe(r, 30).build(t)
		if i%50 == 0 {
			b[10] ^= 1
		}
		rec := s.Handle(int64(i)*1e6, b, func(int64, []byte) {})
		want = append(want, *rec)
		w.Write(rec)
	}
	must(t, w.Flush())
	whole := bytes.Clone(file.Bytes())
	l, err := NewLogReader(&file)
	must(t, err)
	if l.Config() != cfg {
		t.Errorf("config %+v, want %+v", l.Config(), cfg)
	}
	var got Record
	for i := range want {
		must(t, l.Next(&got))
		if got != want[i] {
			t.Fatalf("record %d:\n%+v, want\n%+v", i, got, want[i])
		}
	}
	if err := l.Next(&got); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	l, err = NewLogReader(bytes.NewReader(whole[:len(whole)-3]))
	must(t, err)
	for err = nil; err == nil; {
		err = l.Next(&got)
	}
	if err != io.ErrUnexpectedEOF {
		t.Errorf("of a log cut short: %v", err)
	}
	if _, err := NewLogReader(bytes.NewReader([]byte("{}"))); !errors.Is(err, ErrNotLog) {
		t.Errorf("of another file: %v", err)
	}
	rec := &want[0]
	if n := testing.AllocsPerRun(1000, func() { w.Write(rec) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

// TestOldLog reads the header of a log from before some options. They are off.
func TestOldLog(t *testing.T) {
	text, err := json.Marshal(preset(t, "clean"))
	must(t, err)
	var old map[string]any
	must(t, json.Unmarshal(text, &old))
	for _, name := range []string{"MinWidth", "HashAddresses", "HashPorts", "HashLabel", "Nested", "Meshed", "Chained",
		"Wide", "Weighted", "Remap", "Remapped", "Reroute", "Rerouted"} {
		if _, ok := old[name]; !ok {
			t.Fatalf("no option %s", name)
		}
		delete(old, name)
	}
	text, err = json.Marshal(old)
	must(t, err)
	l, err := NewLogReader(strings.NewReader(logMagic + string(text) + "\n"))
	must(t, err)
	now, then := newSim(t, preset(t, "clean")), newSim(t, l.Config())
	r := rand.New(rand.NewPCG(3, 3))
	for i := range 1000 {
		b := randomProbe(r, 30).build(t)
		if x, y := *now.Handle(int64(i)*1e6, b, func(int64, []byte) {}), *then.Handle(int64(i)*1e6, b, func(int64, []byte) {}); x != y {
			t.Fatalf("%+v, then %+v", x, y)
		}
	}
}

func TestLogError(t *testing.T) {
	w, err := NewLogWriter(failing{}, Default())
	must(t, err)
	for range 100000 {
		w.Write(&Record{})
	}
	if err := w.Flush(); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("Flush = %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

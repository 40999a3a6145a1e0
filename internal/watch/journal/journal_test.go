package journal

import (
	"bytes"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/watch/board"
	"github.com/masstrace/masstrace/internal/wire"
)

var head = Head{
	Tool: "masstrace/test", Start: "2026-01-02T03:04:05Z", Method: "udp", Flows: 2, FirstTTL: 1, MaxTTL: 30, Interval: 1e9, Wait: 2e9,
	Targets: []Target{{Name: "a", Addr: netip.MustParseAddr("198.18.0.1")}, {Name: "b\x1b", Addr: netip.MustParseAddr("2001:db8::1")}},
}

// samples returns one sample of each outcome, and all fields.
func samples() []board.Sample {
	return []board.Sample{
		{Target: 0, TTL: 1, Sent: 1e18, RTT: 1500 * time.Microsecond, From: netip.MustParseAddr("10.0.0.1"), Answer: board.Answer{
			Kind: probe.KindTTLExceeded, ReplyTTL: 64, QuotedTTL: 1, Rewritten: probe.MangledIPID | probe.MangledTOS, Weak: true,
			MPLS: []wire.Label{{Label: 16, EXP: 1, S: 1, TTL: 2}},
		}},
		{Target: 1, Flow: 1, Cycle: 1, TTL: 2, Sent: 1e18 + 1, Outcome: board.Silent},
		{Target: 1, Flow: 1, Cycle: 1, TTL: 2, Sent: 1e18 + 1, Outcome: board.Late, RTT: 3 * time.Second, From: netip.MustParseAddr("2001:db8::2"), Answer: board.Answer{Kind: probe.KindPacketTooBig, MTU: 1280, Code: 1}},
		{Target: 0, Cycle: 2, TTL: 3, Sent: 1e18 + 2, Outcome: board.Unsent},
	}
}

func write(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, head)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples() {
		if err := w.Sample(&s); err != nil {
			t.Fatal(err)
		}
	}
	change := board.Change{Target: 1, Time: 5, Hops: []board.HopChange{{TTL: 2, Before: netip.MustParseAddr("10.0.0.1"), After: netip.MustParseAddr("10.0.0.2")}}, Before: 3, After: 4}
	if err := errors.Join(w.Change(&change), w.Close("count", 3)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// A journal has all that was written to it.
func TestRoundTrip(t *testing.T) {
	r, err := NewReader(bytes.NewReader(write(t)), "file")
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Targets()[1].Name; strings.Contains(got, "\x1b") {
		t.Errorf("the name %q could control a terminal", got)
	}
	var got []board.Sample
	for {
		s, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	if diff := cmp.Diff(samples(), got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if r.End() == nil || r.End().Reason != "count" || r.End().Cycles != 3 {
		t.Errorf("the end is %+v", r.End())
	}
}

// A journal that was cut off at any place gives its whole samples, without an error.
func TestCut(t *testing.T) {
	whole := write(t)
	first := bytes.IndexByte(whole, '\n') + 1
	for at := first; at < len(whole); at += 7 {
		r, err := NewReader(bytes.NewReader(whole[:at]), "file")
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = r.Next()
		}
		if err != io.EOF {
			t.Errorf("cut at %d: %v", at, err)
		}
	}
}

// A wrong line is an error with the name of the file and the number of the line.
func TestWrong(t *testing.T) {
	lines := strings.SplitAfter(string(write(t)), "\n")
	for name, tt := range map[string]struct{ text, want string }{
		"empty":          {"", "file: the file is empty"},
		"something else": {"{\"type\":\"trace\"}\n", "file:1: not the first line of a recorded watch"},
		"no JSON":        {"hello\n", "file:1: not the first line"},
		"version":        {strings.Replace(lines[0], `"version":1`, `"version":2`, 1), "file:1: version 2 is not supported"},
		"many flows":     {strings.Replace(lines[0], `"flows":2`, `"flows":1000000000`, 1), "file:1: 2 targets with 1000000000 flows"},
		"flow":           {lines[0] + strings.Replace(lines[1], `"flow":0`, `"flow":2`, 1), "file:2: the fields"},
		"TTL":            {lines[0] + strings.Replace(lines[1], `"ttl":1,`, `"ttl":64,`, 1), "file:2: the fields"},
		"target":         {lines[0] + strings.Replace(lines[1], `198.18.0.1`, `198.18.0.2`, 1), "file:2: the fields"},
		"address":        {lines[0] + strings.Replace(lines[1], `10.0.0.1`, `10.0.0`, 1), "file:2: the fields"},
		"middle":         {lines[0] + "{\n" + lines[1], "file:2: unexpected end"},
	} {
		r, err := NewReader(strings.NewReader(tt.text), "file")
		for err == nil {
			_, err = r.Next()
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// A player gives the board that a watch has, and passes the samples on.
func TestPlayer(t *testing.T) {
	var again bytes.Buffer
	w, err := NewWriter(&again, head)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(bytes.NewReader(write(t)), "file")
	if err != nil {
		t.Fatal(err)
	}
	p := NewPlayer(r, 0, w)
	if err := p.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close("count", 3); err != nil {
		t.Fatal(err)
	}
	p.View(func(b *board.Board) {
		h := b.Targets[0].Flows[0].Hop(1)
		if b.Cycles != 3 || h.Received != 1 || h.Addr().String() != "10.0.0.1" {
			t.Errorf("%d cycles, %+v", b.Cycles, h)
		}
		if h := b.Targets[1].Flows[1].Hop(2); h.Sent != 1 || h.Late != 1 || h.Received != 0 {
			t.Errorf("a late answer: %+v", h)
		}
	})
	if n := strings.Count(again.String(), "watch-sample"); n != len(samples()) {
		t.Errorf("%d samples were passed on", n)
	}
}

// No text is more than an error.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"type":"watch","version":1,"flows":1,"targets":[{"name":"a","addr":"198.18.0.1"}]}` + "\n" + `{"type":"watch-sample","target":"198.18.0.1","ttl":1,"outcome":"silent"}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		r, err := NewReader(bytes.NewReader(in), "file")
		if err != nil {
			return
		}
		if err := NewPlayer(r, 0, nil).Run(t.Context()); err != nil && !strings.HasPrefix(err.Error(), "file:") {
			t.Errorf("the error %q does not name the file", err)
		}
	})
}

// A player keeps the times of the watch at its speed, and waits while it is paused.
func TestSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w, err := NewWriter(&out, head)
		if err != nil {
			t.Fatal(err)
		}
		for cycle := range uint32(11) {
			s := board.Sample{Cycle: cycle, TTL: 1, Sent: 1e18 + int64(cycle)*1e9, Outcome: board.Silent}
			if err := w.Sample(&s); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close("count", 11); err != nil {
			t.Fatal(err)
		}
		r, err := NewReader(&out, "file")
		if err != nil {
			t.Fatal(err)
		}
		p := NewPlayer(r, 2, nil)
		began := time.Now()
		p.Pause(true)
		go func() {
			time.Sleep(3 * time.Second)
			p.Pause(false)
		}()
		if err := p.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 8*time.Second || took > 9*time.Second {
			t.Errorf("10 s at twice the speed and a pause of 3 s took %v", took)
		}
		if p.Reset(); p.board.Targets[0].Flows[0].Hop(1).Sent != 0 {
			t.Error("a reset forgets nothing")
		}
	})
}

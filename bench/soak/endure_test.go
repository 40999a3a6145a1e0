package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/record"
)

// flat returns samples of a scan whose resources do not grow after the warm-up.
func flat(length time.Duration) (list []sample) {
	for at := time.Duration(0); at < length; at += 10 * time.Second {
		s := sample{at: at, rss: 100 << 20, heap: 20 << 20, goroutines: 9, threads: 10, descriptors: 11}
		if at >= warm {
			s.rss += 30 << 20
		}
		list = append(list, s)
	}
	return list
}

func TestEndurance(t *testing.T) {
	last := func(change func(*sample)) func(*endurance) {
		return func(e *endurance) { change(&e.samples[len(e.samples)-1]) }
	}
	for _, tt := range []struct {
		name   string
		change func(*endurance)
		want   string // part of a fault; empty: there is none
	}{
		{"as it should be", func(*endurance) {}, ""},
		{"a false hop", func(e *endurance) { e.wrong = 1 }, "1 of 1000 hops are false"},
		{"nothing judged", func(e *endurance) { e.judged = 0 }, "no hop was judged"},
		{"memory grows", last(func(s *sample) { s.rss *= 2 }), "octets resident"},
		{"a goroutine more", last(func(s *sample) { s.goroutines++ }), "9 goroutines, and then 10"},
		{"a descriptor more", last(func(s *sample) { s.descriptors++ }), "11 descriptors, and then 12"},
		{"a thread more", last(func(s *sample) { s.threads++ }), ""},
		{"many threads more", last(func(s *sample) { s.threads += 9 }), "threads"},
		{"does not add up", func(e *endurance) { e.summary.Silent++ }, "sent = answered + silent"},
		{"answers from nowhere", func(e *endurance) { e.counters.Simulator["fate answered"]-- }, "60 answered, and the simulator answered 59"},
		{"probes into nowhere", func(e *endurance) { e.counters.Simulator["received"] = 99 }, "100 sent"},
		{"ended early", func(e *endurance) { e.summary.Reason = record.ReasonLink }, "it ended for link"},
		{"no summary", func(e *endurance) { e.summary = nil }, "no summary"},
		{"brief", func(e *endurance) { e.samples = flat(time.Minute) }, ""},
	} {
		e := &endurance{length: time.Hour, rate: 50_000, samples: flat(time.Hour), judged: 1000, traces: 20}
		s := &record.Summary{Reason: record.ReasonMaxRuntime}
		s.Probes = account.Probes{
			Targets: 100, TTLs: 1, Flows: 1, Sent: 100, Answered: 60, Silent: 40, SilentBy: account.SilentBy{Unknown: 40},
		}
		s.FirstSent, s.Frames, s.Strong = 100, 60, 60
		e.summary = s
		e.counters.Simulator = map[string]uint64{"received": 110, "fate answered": 60}
		tt.change(e)
		e.judge()
		if got := strings.Join(e.faults, "; "); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: faults %q, want %q", tt.name, got, tt.want)
		}
		var b bytes.Buffer
		if e.write(&b); !strings.Contains(b.String(), "| after | resident, MiB |") || strings.Contains(b.String(), "too brief") != e.brief {
			t.Errorf("%s: %s", tt.name, b.String())
		}
	}
}

func TestListen(t *testing.T) {
	l := newLooker(1, time.Second)
	l.listen(strings.NewReader("1s 3% sent 5 ETA 9s\nholds: goroutines 9 heap 1234 windows 2\nmasstrace: no\n"))
	if want := (sample{goroutines: 9, heap: 1234}); l.held != want || l.said.String() != "masstrace: no\n" {
		t.Errorf("held %+v, said %q", l.held, l.said.String())
	}
	if m := most(slices.Repeat([]sample{{rss: 5, threads: 2}, {rss: 3, threads: 7}}, 2)); m != (sample{rss: 5, threads: 7}) {
		t.Errorf("most %+v", m)
	}
}

package commands

import (
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/metrics"
	"github.com/masstrace/masstrace/internal/metrics/metricstest"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/watch/board"
)

// Several flows to a watched target are one state. A silent target has a loss of 1.
func TestWatchedTarget(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.9")
	router := netip.MustParseAddr("192.0.2.1")
	sample := func(b *board.Board, flow int, ttl uint8, kind probe.Kind, from netip.Addr) {
		s := board.Sample{Flow: flow, TTL: ttl, Outcome: board.Silent, Sent: 1}
		if from.IsValid() {
			s.Outcome, s.From, s.RTT, s.Kind = board.Answered, from, time.Duration(ttl)*time.Millisecond, kind
		}
		b.Take(&s)
	}
	for _, tt := range []struct {
		name string
		take func(b *board.Board)
		want metrics.Target
	}{
		{"nothing known", func(*board.Board) {}, metrics.Target{}},
		{"silent", func(b *board.Board) {
			for flow := range 2 {
				sample(b, flow, 1, probe.KindTTLExceeded, router)
				sample(b, flow, 2, 0, netip.Addr{})
			}
		}, metrics.Target{Known: true, Hops: 1, Loss: 1}},
		{"no answer at all", func(b *board.Board) { sample(b, 0, 1, 0, netip.Addr{}) }, metrics.Target{Known: true, Loss: 1}},
		{"half of the probes over one flow, all over the other", func(b *board.Board) {
			sample(b, 0, 3, probe.KindPortUnreach, addr)
			sample(b, 0, 3, 0, netip.Addr{})
			sample(b, 1, 4, probe.KindPortUnreach, addr)
		}, metrics.Target{Known: true, Reached: true, RTT: 3 * time.Millisecond, Hops: 3, Loss: 0.25}},
		{"one flow ends at a router", func(b *board.Board) {
			sample(b, 0, 2, probe.KindNetUnreach, router)
			sample(b, 1, 4, probe.KindPortUnreach, addr)
		}, metrics.Target{Known: true, Reached: true, RTT: 4 * time.Millisecond, Hops: 4, Loss: 0.5}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := board.New([]board.Target{{Name: "name", Addr: addr}}, 2)
			tt.take(b)
			tt.want.Addr, tt.want.Name = "192.0.2.9", "name"
			if got := watchedTarget(b.Targets[0]); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}

// watch and follow serve all series of each target, also of a silent one.
func TestTargetSeries(t *testing.T) {
	t.Parallel()
	if !isolated(t, routers.Name, "") {
		return
	}
	for status, args := range map[int][]string{
		statusInterrupted: {"watch", "45.16.3.9", "45.144.3.9", "--stream", "--interval=0.3", "--wait=0.5", "--metrics=127.0.0.1:0"},
		statusPartial:     {"follow", "45.16.3.9", "45.144.3.9", "--budget=200", "--wait=0.5", "--metrics=127.0.0.1:0", "-o", outFile(t)},
	} {
		p := start(t, nil, args...)
		_, url, _ := strings.Cut(p.await("metrics: http://"), "metrics: ")
		poll(t, "a target that answers, and a silent one", func() bool {
			r, err := http.Get(strings.TrimSpace(url))
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			got := metricstest.Series(t, r.Body, "masstrace_target_")
			if len(got) != 10 {
				return false
			}
			of := func(target string) func(name string) float64 { // its name is empty with follow, and the same with watch
				return func(name string) float64 { return got[name+"  "+target] + got[name+" "+target+" "+target] }
			}
			near, silent := of("45.16.3.9"), of("45.144.3.9")
			return near("reached") == 1 && near("hops") == 2 && near("loss_ratio") == 0 && near("rtt_seconds") > 0 && near("path_changes_total") == 0 &&
				silent("reached") == 0 && silent("hops") > 2 && silent("loss_ratio") == 1 && silent("rtt_seconds") != silent("rtt_seconds")
		})
		p.signal(syscall.SIGINT)
		p.end(status)
	}
}

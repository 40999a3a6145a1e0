package metrics

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/listen"
	"github.com/masstrace/masstrace/internal/metrics/metricstest"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

// sample is a run in which everything happened.
func sample() *Metrics {
	m := New("1.2.3")
	m.Targets(some)
	p := observe.Progress{Elapsed: 90 * time.Second, Left: 30 * time.Second, Share: 0.75, Sent: 900, RatePPS: 10, Answered: 700, Drops: 3}
	p.Inbound = account.Inbound[uint64]{Frames: 712, Strong: 690, Weak: 10, Duplicates: 5, Fragments: 1, UDPReplies: 2}
	p.Inbound.Rejected.Tag = 7
	m.Progress(p)
	sum := account.Account{}
	sum.Targets, sum.Sent, sum.Answered, sum.Silent = 40, 500, 400, 100
	sum.SilentBy.Unknown, sum.Skipped.Reached = 100, 60
	sum.ByTTL[3] = account.TTLCounts{Sent: 500, Answered: 400, Silent: 100}
	m.Event(observe.Recorded{Sum: &sum})
	t := &record.Trace{Head: record.Head{Method: probe.UDP}}
	t.Reached, t.StopReason = true, record.StopCompleted
	t.Hops = []record.Hop{{Sent: 1, RTT: 3e6}, {Sent: 1, RTT: 40e6}, {}}
	for _, r := range []record.Record{&record.Run{}, t} {
		if err := m.Write(r); err != nil {
			panic(err)
		}
	}
	return m
}

// The names follow the conventions of Prometheus, and counts have their values.
func TestMetrics(t *testing.T) {
	m := sample()
	metricstest.Lint(t, m.registry)
	err := testutil.GatherAndCompare(m.registry, strings.NewReader(`
# HELP masstrace_probes_sent_total Probes that the kernel took. Live.
# TYPE masstrace_probes_sent_total counter
masstrace_probes_sent_total 900
# HELP masstrace_frames_total Frames received, by what they are. Live.
# TYPE masstrace_frames_total counter
masstrace_frames_total{kind="duplicates"} 5
masstrace_frames_total{kind="late_replies"} 0
masstrace_frames_total{kind="malformed"} 0
masstrace_frames_total{kind="strong"} 690
masstrace_frames_total{kind="superseded"} 0
masstrace_frames_total{kind="unrelated"} 0
masstrace_frames_total{kind="unverified"} 0
masstrace_frames_total{kind="weak"} 10
# HELP masstrace_ttl_probes_total Probes of the recorded windows by TTL, and what became of them.
# TYPE masstrace_ttl_probes_total counter
masstrace_ttl_probes_total{state="answered",ttl="3"} 400
masstrace_ttl_probes_total{state="late_replies",ttl="3"} 0
masstrace_ttl_probes_total{state="sent",ttl="3"} 500
masstrace_ttl_probes_total{state="silent",ttl="3"} 100
masstrace_ttl_probes_total{state="tx_errors",ttl="3"} 0
# HELP masstrace_targets_reached_total Traces whose target answered.
# TYPE masstrace_targets_reached_total counter
masstrace_targets_reached_total 1
# HELP masstrace_drops_total Frames and data that were lost on this machine. Live.
# TYPE masstrace_drops_total counter
masstrace_drops_total{by="extensions"} 0
masstrace_drops_total{by="interface"} 0
masstrace_drops_total{by="kernel"} 3
`), "masstrace_probes_sent_total", "masstrace_frames_total", "masstrace_ttl_probes_total", "masstrace_targets_reached_total", "masstrace_drops_total")
	if err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(m.registry, "masstrace_traces_total"); err != nil || n != 7 {
		t.Errorf("%d series of stop reasons, %v; want all 7 from the begin", n, err)
	}
}

// The end of a run has the counts of its summary, and no later progress changes them.
func TestFinished(t *testing.T) {
	m := sample()
	s := &record.Summary{}
	s.Sent, s.Answered = 1000, 800
	m.Event(observe.Finished{Summary: s})
	m.Progress(observe.Progress{Sent: 5})
	if got := m.progress; got.Sent != 1000 || got.Answered != 800 || got.Share != 1 || got.Left != 0 {
		t.Errorf("%+v", got)
	}
}

// docs/metrics.md has a row for each metric, and the dashboard names no other.
func TestDocumented(t *testing.T) {
	names := metricstest.Documented(t, sample().registry, "../../docs/metrics.md", "masstrace_")
	text, err := os.ReadFile("../../docs/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Title  string
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil || board.Title == "" || len(board.Panels) < 6 {
		t.Fatalf("docs/grafana.json: %d panels, %v", len(board.Panels), err)
	}
	for _, p := range board.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			found := regexp.MustCompile(`masstrace_[a-z_]+`).FindAllString(target.Expr, -1)
			if len(found) == 0 {
				t.Errorf("panel %q: %q names no metric", p.Title, target.Expr)
			}
			for _, name := range found {
				if !slices.Contains(names, strings.TrimSuffix(name, "_bucket")) {
					t.Errorf("panel %q: there is no metric %s", p.Title, name)
				}
			}
		}
	}
}

// A server serves the metrics at /metrics alone, and a second one cannot have its port.
func TestServe(t *testing.T) {
	s, err := Serve("127.0.0.1:0", sample())
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/metrics": "masstrace_probes_sent_total 900\n", "/": "metrics", "/debug/pprof/": "404"} {
		r, err := http.Get("http://" + s.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		if closed := r.Body.Close(); err != nil || closed != nil || !strings.Contains(r.Status+string(text), want) {
			t.Errorf("%s: %s, %v, %v", path, r.Status, err, closed)
		}
	}
	if _, err := Serve(s.Addr(), sample()); err == nil {
		t.Error("two servers have one port")
	}
	s.Close()
	if c, err := net.Dial("tcp", s.Addr()); err == nil {
		_ = c.Close()
		t.Error("the server listens after its end")
	}
	var none *listen.Server
	none.Close()
}

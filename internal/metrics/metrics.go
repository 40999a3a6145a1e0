// Package metrics serves the counts of a run to Prometheus.
//
// Metrics is an observer of the run and takes its records. An HTTP server shows what it has learned
// so far: counts of probes and frames that are live, those of the account after each window, and
// what the written traces show. No label is the address of a hop, so the number of series does not
// grow with the network. The programs that ask the same targets again and again add series by target.
package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/masstrace/masstrace/internal/account"
	"github.com/masstrace/masstrace/internal/observe"
	"github.com/masstrace/masstrace/internal/record"
)

// Metrics are the metrics of a run. Any goroutine may call its methods.
type Metrics struct {
	registry *prometheus.Registry
	ends     *prometheus.CounterVec
	reached  prometheus.Counter
	hops     prometheus.Counter
	rtt      *prometheus.HistogramVec

	mu       sync.Mutex
	progress observe.Progress
	sum      account.Account // of the recorded windows
	over     bool
}

// rttBuckets are the bounds of the histogram of round-trip times, in seconds.
var rttBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .15, .2, .3, .5, 1, 2, 5}

// New returns the metrics of a run of a version of the program.
func New(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		ends: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "masstrace_traces_total", Help: "Traces that were written, by their stop reason.",
		}, []string{"stop_reason"}),
		reached: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "masstrace_targets_reached_total", Help: "Traces whose target answered.",
		}),
		hops: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "masstrace_hops_total", Help: "Hops of the traces that were written.",
		}),
		rtt: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "masstrace_rtt_seconds", Help: "Round-trip times of the hops that were written, by method.", Buckets: rttBuckets,
		}, []string{"method"}),
	}
	for stop := record.StopCompleted; stop <= record.StopHalted; stop++ {
		m.ends.WithLabelValues(stop.String()) // a count of 0 is there from the begin
	}
	m.registry.MustRegister(m.ends, m.reached, m.hops, m.rtt, about(version), counts{m},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Event implements observe.Observer.
func (m *Metrics) Event(event observe.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch e := event.(type) {
	case observe.Recorded:
		m.sum = *e.Sum
	case observe.Finished:
		m.sum, m.over = e.Summary.Account, true
		m.progress.Inbound = e.Summary.Inbound
		m.progress.Sent, m.progress.Answered = e.Summary.Sent, e.Summary.Answered
		m.progress.RatePPS, m.progress.Left, m.progress.Share = 0, 0, 1
	}
}

// Progress implements observe.Observer.
func (m *Metrics) Progress(p observe.Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.over {
		m.progress = p
	}
}

// Write implements format.Writer.
func (m *Metrics) Write(r record.Record) error {
	t, ok := r.(*record.Trace)
	if !ok {
		return nil
	}
	m.ends.WithLabelValues(t.StopReason.String()).Inc()
	if t.Reached {
		m.reached.Inc()
	}
	m.hops.Add(float64(len(t.Hops)))
	rtt := m.rtt.WithLabelValues(methodOf(t))
	for i := range t.Hops {
		if h := &t.Hops[i]; h.HasRTT() {
			rtt.Observe(time.Duration(h.RTT).Seconds())
		}
	}
	return nil
}

// Flush implements format.Writer.
func (*Metrics) Flush() error { return nil }

func methodOf(t *record.Trace) string {
	if t.Method == record.NoMethod {
		return "unknown"
	}
	return t.Method.String()
}

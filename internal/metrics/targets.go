package metrics

import (
	"iter"
	"math"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Target is the present state of a target that is asked again and again.
type Target struct {
	Addr    string
	Name    string // as the user named it; may be empty
	Known   bool   // it answered, or a probe to it was silent
	Reached bool   // the target itself answers
	// RTT is that of its latest answer, 0 without any.
	RTT time.Duration
	// Hops is the TTL of the end of its path, or of the last router that answered; 0 without any.
	Hops int
	// Loss is the share of the probes to the target without an answer, 1 if it never answered.
	Loss    float64
	Changes uint64 // of its path
}

// targetLabels are the labels of the series of targets. No label is the address of a hop, so that each
// target has as many series, whatever its path is.
var targetLabels = []string{"target", "name"}

// The metrics of targets. Every target has all of them.
var (
	targetReached = desc("target_reached", "1 if the target itself answers, else 0.", targetLabels...)
	targetRTT     = desc("target_rtt_seconds", "Round-trip time of the latest answer of the target; NaN without any.", targetLabels...)
	targetHops    = desc("target_hops", "TTL of the end of the path, or of the last router that answered.", targetLabels...)
	targetLoss    = desc("target_loss_ratio", "Share of the probes to the target without an answer: 1 if it is silent, NaN before the first one.", targetLabels...)
	targetChanges = desc("target_path_changes_total", "Changes of the path to the target.", targetLabels...)
)

// states is a prometheus.Collector of the states of targets.
type states struct{ list iter.Seq[Target] }

// Targets adds the series of targets to m. Each look at the metrics goes through list, from any goroutine.
func (m *Metrics) Targets(list iter.Seq[Target]) { m.registry.MustRegister(states{list}) }

// NewTargets returns metrics of targets alone, for a program without a scan.
func NewTargets(version string, list iter.Seq[Target]) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(about(version), states{list},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// about returns the metric with the version of the program.
func about(version string) prometheus.Collector {
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "masstrace_build_info", Help: "1, with the version of the program.", ConstLabels: prometheus.Labels{"version": version},
	})
	g.Set(1)
	return g
}

// Describe implements prometheus.Collector.
func (states) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{targetReached, targetRTT, targetHops, targetLoss, targetChanges} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c states) Collect(out chan<- prometheus.Metric) {
	for t := range c.list {
		name := strings.ToValidUTF8(t.Name, "\uFFFD") // a label takes nothing else
		value := func(d *prometheus.Desc, kind prometheus.ValueType, v float64) {
			out <- prometheus.MustNewConstMetric(d, kind, v, t.Addr, name)
		}
		reached, rtt, loss := 0.0, math.NaN(), math.NaN()
		if t.Reached {
			reached = 1
		}
		if t.RTT > 0 {
			rtt = t.RTT.Seconds()
		}
		if t.Known {
			loss = t.Loss
		}
		value(targetReached, prometheus.GaugeValue, reached)
		value(targetRTT, prometheus.GaugeValue, rtt)
		value(targetHops, prometheus.GaugeValue, float64(t.Hops))
		value(targetLoss, prometheus.GaugeValue, loss)
		value(targetChanges, prometheus.CounterValue, float64(t.Changes))
	}
}

package metrics

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/masstrace/masstrace/internal/account"
)

// counts is a prometheus.Collector of the counts that observers are told.
type counts struct{ *Metrics }

// desc returns the description of a metric.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("masstrace_"+name, help, labels, nil)
}

// The metrics of counts. Live ones follow the run within a second, the others after each window.
var (
	elapsed  = desc("elapsed_seconds", "Time since the begin of the run.")
	left     = desc("left_seconds", "Estimated time until the end of the run.")
	share    = desc("done_ratio", "Share of the probes that were decided: sent, or found not to be needed.")
	rate     = desc("send_rate_pps", "Probes sent in the last second.")
	sent     = desc("probes_sent_total", "Probes that the kernel took. Live.")
	answered = desc("replies_total", "Authenticated first replies to probes. Live.")
	frames   = desc("frames_total", "Frames received, by what they are. Live.", "kind")
	rejected = desc("frames_rejected_total", "Frames that look like answers and are not, by reason. Live.", "reason")
	drops    = desc("drops_total", "Frames and data that were lost on this machine. Live.", "by")

	targets  = desc("targets_total", "Targets of the recorded windows.")
	probes   = desc("probes_total", "Probes of the recorded windows, by what became of them.", "state")
	silent   = desc("silent_probes_total", "Silent probes of the recorded windows, by possible reason.", "reason")
	skipped  = desc("skipped_total", "(target, TTL, flow) of the recorded windows that were not probed, by reason.", "reason")
	refused  = desc("tx_errors_total", "Probes that the kernel never took, by cause.", "cause")
	byTTL    = desc("ttl_probes_total", "Probes of the recorded windows by TTL, and what became of them.", "ttl", "state")
	routers  = desc("limited_routers", "Routers that are known to limit their answers.")
	allDescs = []*prometheus.Desc{
		elapsed, left, share, rate, sent, answered, frames, rejected, drops,
		targets, probes, silent, skipped, refused, byTTL, routers,
	}
)

// contained are the counts of frames that are in other ones, so that the sum of the rest is that of all
// frames, with those that are rejected.
var contained = map[string]bool{"frames": true, "fragments": true, "udp_reply": true, "pure_ack": true}

// Describe implements prometheus.Collector.
func (counts) Describe(out chan<- *prometheus.Desc) {
	for _, d := range allDescs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c counts) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	counter := func(d *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	p, a := &c.progress, &c.sum
	gauge(elapsed, p.Elapsed.Seconds())
	gauge(left, p.Left.Seconds())
	gauge(share, p.Share)
	gauge(rate, p.RatePPS)
	counter(sent, p.Sent)
	counter(answered, p.Answered)
	each(&p.Inbound, func(kind string, n uint64) {
		if !contained[kind] {
			counter(frames, n, kind)
		}
	})
	each(&p.Inbound.Rejected, func(reason string, n uint64) { counter(rejected, n, reason) })
	lost := p.Inbound.Drops
	lost.Kernel = max(lost.Kernel, p.Drops)
	each(&lost, func(by string, n uint64) { counter(drops, n, by) })

	counter(targets, a.Targets)
	for _, s := range []struct {
		state string
		n     uint64
	}{{"sent", a.Sent}, {"answered", a.Answered}, {"silent", a.Silent}, {"tx_error", a.TxErrors}, {"abandoned", a.Abandoned}} {
		counter(probes, s.n, s.state)
	}
	each(&a.SilentBy, func(reason string, n uint64) { counter(silent, n, reason) })
	each(&a.Skipped, func(reason string, n uint64) { counter(skipped, n, reason) })
	each(&a.TxErrorsBy, func(cause string, n uint64) { counter(refused, n, cause) })
	for ttl := range a.ByTTL {
		if t := &a.ByTTL[ttl]; *t != (account.TTLCounts{}) {
			each(t, func(state string, n uint64) { counter(byTTL, n, strconv.Itoa(ttl), state) })
		}
	}
	gauge(routers, float64(len(a.LimitedRouters)))
}

// each calls f for the plain counts of a group, by their names in records.
func each[T any](group *T, f func(name string, n uint64)) {
	v := reflect.ValueOf(group).Elem()
	for i := range v.NumField() {
		if v.Field(i).Kind() != reflect.Uint64 {
			continue
		}
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		f(name, v.Field(i).Uint())
	}
}

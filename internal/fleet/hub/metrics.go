package hub

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// counts is a prometheus.Collector of the counts of a hub.
type counts struct{ *Hub }

// desc returns the description of a metric.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("masstrace_fleet_"+name, help, labels, nil)
}

// The metrics. Of the jobs that are over, only the last ones have metrics, so that the number of
// series stays small.
var (
	jobSlices   = desc("job_slices", "Slices of the job.", "job", "number")
	jobDone     = desc("job_slices_done", "Slices of the job that are in the ledger.", "job", "number")
	jobSent     = desc("job_probes_sent", "Probes of the slices in the ledger.", "job", "number")
	jobAnswered = desc("job_probes_answered", "Answered probes of the slices in the ledger.", "job", "number")
	jobRetaken  = desc("job_leases_retaken", "Leases that ended early or were taken over, since the hub began.", "job", "number")
	jobRate     = desc("job_rate_in_force_pps", "Sum of the rates that agents may use now.", "job", "number")
	jobTrouble  = desc("job_trouble", "1 if the store refuses the results of the job.", "job", "number")
	jobRefused  = desc("job_refusals", "Agents whose owners refuse the job.", "job", "number")
	agentHere   = desc("agent_connected", "1 if the hub has heard the agent in the last 5 seconds.", "agent")
	agentStored = desc("agent_stored_segments", "Finished slices of the agent that the hub does not have yet.", "agent")
	agentClock  = desc("agent_clock_offset_seconds", "Clock of the agent minus that of the hub.", "agent")
	messages    = desc("messages_total", "Messages that the broker has received.")
	octets      = desc("message_bytes_total", "Bytes of these messages.")
	ignored     = desc("requests_ignored_total", "Requests whose answer should go to the inbox of another name.")
	allDescs    = []*prometheus.Desc{
		jobSlices, jobDone, jobSent, jobAnswered, jobRetaken, jobRate, jobTrouble, jobRefused, agentHere, agentStored, agentClock, messages, octets, ignored,
	}
)

// keptJobs is how many jobs that are over have metrics, and are on the page.
const keptJobs = 20

// Describe implements prometheus.Collector.
func (counts) Describe(out chan<- *prometheus.Desc) {
	for _, d := range allDescs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c counts) Collect(out chan<- prometheus.Metric) {
	s := c.snapshot()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for i := range s.Jobs {
		j := &s.Jobs[i]
		labels := []string{j.Job.Spec.Name, j.Job.ID}
		gauge(jobSlices, float64(j.Slices), labels...)
		gauge(jobDone, float64(j.Done), labels...)
		gauge(jobSent, float64(j.Sent), labels...)
		gauge(jobAnswered, float64(j.Answered), labels...)
		gauge(jobRetaken, float64(j.Retaken), labels...)
		gauge(jobRate, j.InForce, labels...)
		gauge(jobTrouble, truth(j.Trouble != ""), labels...)
		gauge(jobRefused, float64(len(j.Refusals)), labels...)
	}
	for i := range s.Agents {
		a := &s.Agents[i]
		gauge(agentHere, truth(a.Connected), a.Name)
		gauge(agentStored, float64(a.Stored), a.Name)
		if a.ErrorNS > 0 {
			gauge(agentClock, float64(a.OffsetNS)/1e9, a.Name)
		}
	}
	n, size := c.broker.Messages()
	out <- prometheus.MustNewConstMetric(messages, prometheus.CounterValue, float64(n))
	out <- prometheus.MustNewConstMetric(octets, prometheus.CounterValue, float64(size))
	out <- prometheus.MustNewConstMetric(ignored, prometheus.CounterValue, float64(c.broker.Ignored()))
}

// truth returns 1 for true and 0 for false, as metrics have it.
func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// metrics returns the registry of the hub.
func (h *Hub) metrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(counts{h}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// metricsHandler serves the metrics, to a few clients at a time.
func (h *Hub) metricsHandler() http.Handler {
	return promhttp.HandlerFor(h.metrics(), promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

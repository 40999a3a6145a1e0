package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"runtime"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/talk"
)

// page is the status page: / for people, /status.json, and /metrics for Prometheus.
type page struct {
	server   *http.Server
	listener net.Listener
	ended    chan struct{}
}

// openPage starts the status page.
func (h *Hub) openPage(listen string) (*page, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("status page: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.servePage)
	mux.HandleFunc("GET /status.json", h.serveJSON)
	mux.HandleFunc("GET /metrics", h.serveMetrics)
	p := &page{
		server: &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}, listener: l,
		ended: make(chan struct{}),
	}
	go func() {
		defer close(p.ended)
		if err := p.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			h.cfg.Event("status page: " + err.Error())
		}
	}()
	return p, nil
}

func (p *page) url() string {
	if p == nil {
		return ""
	}
	return "http://" + p.listener.Addr().String() + "/"
}

func (p *page) close() {
	if p != nil {
		p.server.Close()
		<-p.ended
	}
}

// snapshot returns all jobs and agents.
func (h *Hub) snapshot() *talk.JobsReply {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.overview()
}

// Write errors below mean that the reader has gone.

func (h *Hub) serveJSON(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(h.snapshot())
}

func (h *Hub) servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_ = pageTemplate.Execute(w, h.snapshot())
}

func (h *Hub) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	s := h.snapshot()
	for _, j := range s.Jobs {
		name := j.Job.Spec.Name + `",id="` + j.Job.ID
		fmt.Fprintf(w, "masstrace_fleet_slices{job=\"%s\"} %d\n", name, j.Slices)
		fmt.Fprintf(w, "masstrace_fleet_slices_done{job=\"%s\"} %d\n", name, j.Done)
		fmt.Fprintf(w, "masstrace_fleet_probes_sent{job=\"%s\"} %d\n", name, j.Sent)
		fmt.Fprintf(w, "masstrace_fleet_probes_answered{job=\"%s\"} %d\n", name, j.Answered)
		fmt.Fprintf(w, "masstrace_fleet_rate_in_force{job=\"%s\"} %g\n", name, j.InForce)
	}
	for _, a := range s.Agents {
		up := 0
		if a.Connected {
			up = 1
		}
		fmt.Fprintf(w, "masstrace_fleet_agent_connected{agent=\"%s\"} %d\n", a.Name, up)
		fmt.Fprintf(w, "masstrace_fleet_agent_stored_segments{agent=\"%s\"} %d\n", a.Name, a.Stored)
		fmt.Fprintf(w, "masstrace_fleet_agent_clock_offset_seconds{agent=\"%s\"} %g\n", a.Name, float64(a.OffsetNS)/1e9)
	}
	count, octets := h.broker.Messages()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(w, "masstrace_fleet_messages_total %d\nmasstrace_fleet_message_bytes_total %d\nmasstrace_fleet_heap_bytes %d\n",
		count, octets, m.HeapInuse)
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<meta charset="utf-8"><meta http-equiv="refresh" content="2"><title>masstrace hub</title>
<style>body{font:14px sans-serif;margin:2em}td,th{padding:.2em 1em .2em 0;text-align:left;vertical-align:top}</style>
<h1>Jobs</h1>
<table><tr><th>Job<th>Submitter<th>Slices<th>Targets<th>Probes<th>Rate in force<th>Agents<th>Notes</tr>
{{range .Jobs}}<tr><td>{{.Job.Spec.Name}}<br><small>{{.Job.ID}}</small><td>{{.Job.Submitter}}
<td>{{.Done}} of {{.Slices}}{{if .Job.Canceled}}, cancelled{{end}}<td>{{.Targets}}<td>{{.Sent}} sent, {{.Answered}} answered<td>{{printf "%.0f" .InForce}}/s
<td>{{range $name, $s := .ByAgent}}{{$name}}: {{$s.Done}} done, {{$s.Now}} now, {{printf "%.0f" $s.Rate}}/s<br>{{end}}
<td>{{.Trouble}}{{range $name, $why := .Refusals}}<br>{{$name}} refuses: {{$why}}{{end}}{{range $name, $why := .Failures}}<br>{{$name}}: {{$why}}{{end}}</tr>{{end}}
</table>
<h1>Agents</h1>
<table><tr><th>Agent<th>Location<th>AS<th>Software<th>Connected<th>Clock offset<th>Waiting segments<th>Notes</tr>
{{range .Agents}}<tr><td>{{.Name}}<td>{{.Location}}<td>{{.AS}}<td>{{.Software}}<td>{{.Connected}}<td>{{.OffsetNS}} ns<td>{{.Stored}}<td>{{.Trouble}}</tr>{{end}}
</table>
`))

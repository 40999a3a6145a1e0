package hub

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/fleet/talk"
	"github.com/masstrace/masstrace/internal/listen"
	"github.com/masstrace/masstrace/internal/tabular"
)

// openPage starts the status page: / for people, /status.json, and /metrics for Prometheus.
func (h *Hub) openPage(address string) (*listen.Server, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", h.servePage)
	mux.HandleFunc("GET /status.json", h.serveJSON)
	mux.Handle("GET /metrics", h.metricsHandler())
	s, err := listen.Serve(h.ctx, address, mux, func(err error) { h.cfg.Event("status page: " + err.Error()) })
	if err != nil {
		return nil, fmt.Errorf("status page: %w", err)
	}
	return s, nil
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
	_ = pageTemplate().Execute(w, h.snapshot())
}

// pageWords are the functions of the template.
var pageWords = template.FuncMap{
	"count":   func(n uint64) string { return tabular.Count(n) },
	"percent": tabular.Percent,
	"share":   func(done, all int) int { return 100 * done / max(all, 1) },
	"ms":      func(ns int64) string { return fmt.Sprintf("%.3f ms", float64(ns)/1e6) },
	"ago":     func(t time.Time) string { return max(time.Since(t), 0).Round(time.Second).String() },
}

// pageTemplate shows a talk.JobsReply. Other people choose the words in it; the template escapes
// them. Only a hub needs it.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(pageWords).Parse(pageText))
})

const pageText = `<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="2">
<title>masstrace hub</title>
<style>
body{font:15px/1.4 system-ui,sans-serif;margin:1.5em;color:#222;background:#fff}
table{border-collapse:collapse;margin-bottom:2em;max-width:100%}
th,td{padding:.3em 1.2em .3em 0;text-align:left;vertical-align:top;border-bottom:1px solid #ddd}
.n{text-align:right;font-variant-numeric:tabular-nums}
small{color:#555;white-space:nowrap}
div{overflow-x:auto}
@media(max-width:1000px){body{font-size:13px;margin:.7em}th,td{padding-right:.7em}progress{width:6em}}
.bad{color:#a30000}
progress{width:8em}
</style>
<h1>masstrace hub</h1>
<h2>Jobs</h2>
{{if .Jobs}}<div><table><tr><th>Job<th>Submitter<th>Progress<th class="n">Targets<th class="n">Probes<th class="n">Answered<th class="n">Rate in force<th>Agents<th>Notes</tr>
{{range .Jobs}}<tr><td>{{.Job.Spec.Name}}<br><small>{{.Job.ID}}</small><td>{{.Job.Submitter}}
<td><progress max="100" value="{{share .Done .Slices}}">{{share .Done .Slices}} %</progress><br>{{.Done}} of {{.Slices}} slices{{if .Job.Canceled}}, cancelled{{end}}
<td class="n">{{count .Targets}}<td class="n">{{count .Sent}}<td class="n">{{percent .Answered .Sent}}<td class="n">{{printf "%.0f" .InForce}}/s
<td style="white-space:nowrap">{{range $name, $s := .ByAgent}}{{$name}}: {{$s.Done}} done{{if $s.Now}}, traces {{$s.Now}}, {{printf "%.0f" $s.Rate}}/s{{end}}<br>{{end}}
<td>{{if .Trouble}}<span class="bad">{{.Trouble}}</span><br>{{end}}{{range $name, $why := .Refusals}}{{$name}} refuses: {{$why}}<br>{{end}}{{range $name, $why := .Failures}}{{$name}} failed: {{$why}}<br>{{end}}</tr>
{{end}}</table></div>{{else}}<p>No job was submitted yet.</p>{{end}}
<p>The hub keeps results in {{.Results}}.</p>
<h2>Agents</h2>
{{if .Agents}}<div><table><tr><th>Agent<th>State<th>Place<th>AS<th>Software<th class="n">Clock against the hub<th class="n">Segments that wait<th>Notes</tr>
{{range .Agents}}<tr><td>{{.Name}}<td>{{if .Connected}}connected{{else if .Seen.IsZero}}not seen yet{{else}}<span class="bad">gone for {{ago .Seen}}</span>{{end}}
<td>{{.Location}}<td>{{.AS}}<td>{{.Software}}<td class="n">{{if .ErrorNS}}{{ms .OffsetNS}}{{else}}not measured{{end}}<td class="n">{{.Stored}}<td>{{.Trouble}}</tr>
{{end}}</table></div>{{else}}<p>No agent was added yet: masstrace hub add-agent NAME.</p>{{end}}
<p><small><a href="status.json">status.json</a>, <a href="metrics">metrics</a></small></p>
</html>
`

package metrics

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/masstrace/masstrace/internal/listen"
)

// Serve listens at an address (see listen.Address), and serves m over HTTP, at /metrics, until Close.
func Serve(address string, m *Metrics) (*listen.Server, error) {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<!doctype html><title>masstrace</title><a href=\"metrics\">metrics</a>\n")) // the client is gone
	})
	return listen.Serve(context.Background(), address, mux, func(error) {}) // the run goes on without its metrics
}

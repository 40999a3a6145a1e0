package metrics

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/masstrace/masstrace/internal/listen"
)

// Server serves the metrics of a run over HTTP, at /metrics.
type Server struct {
	listener net.Listener
	server   *http.Server
	ended    chan struct{}
}

// Limits of a request: nothing that a client does holds memory for long.
const (
	requestTime = 10 * time.Second
	mostHeader  = 16 << 10
)

// Serve listens at an address (see listen.Address), and serves m until Close.
func Serve(address string, m *Metrics) (*Server, error) {
	listener, err := listen.TCP(context.Background(), address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("<!doctype html><title>masstrace</title><a href=\"metrics\">metrics</a>\n")) // the client is gone
	})
	s := &Server{listener: listener, ended: make(chan struct{}), server: &http.Server{
		Handler: mux, ReadHeaderTimeout: requestTime, ReadTimeout: requestTime, WriteTimeout: requestTime, IdleTimeout: time.Minute,
		MaxHeaderBytes: mostHeader, ErrorLog: log.New(io.Discard, "", 0),
	}}
	go func() {
		defer close(s.ended)
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			_ = listener.Close() // the run goes on without its metrics
		}
	}()
	return s, nil
}

// Addr returns the address that the server listens at.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends the server. It may be nil.
func (s *Server) Close() {
	if s == nil {
		return
	}
	_ = s.server.Close() // the run is over
	<-s.ended
}

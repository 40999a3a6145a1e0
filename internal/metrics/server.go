package metrics

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Server serves the metrics of a run over HTTP, at /metrics.
type Server struct {
	listener net.Listener
	server   *http.Server
	ended    chan struct{}
}

// Address completes the address of a server: without a host it is the loopback address of IPv4, so
// that other machines do not reach it. A port alone is taken too.
func Address(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil && portAlone(text) {
		host, port, err = "", text, nil
	}
	if err != nil {
		return "", fmt.Errorf("%q is not HOST:PORT", text)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return "", fmt.Errorf("%q has no port", text)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

func portAlone(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != ""
}

// Limits of a request: nothing that a client does holds memory for long.
const (
	requestTime = 10 * time.Second
	mostHeader  = 16 << 10
)

// Serve listens at an address (see Address), and serves m until Close.
func Serve(address string, m *Metrics) (*Server, error) {
	address, err := Address(address)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
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

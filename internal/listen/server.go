package listen

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Server serves short answers over HTTP: pages and metrics.
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

// Serve listens at an address (see Address), and serves until Close. failed is called once if the
// server ends before; the run goes on without it.
func Serve(ctx context.Context, address string, handler http.Handler, failed func(error)) (*Server, error) {
	listener, err := TCP(ctx, address)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: listener, ended: make(chan struct{}), server: &http.Server{
		Handler: handler, ReadHeaderTimeout: requestTime, ReadTimeout: requestTime, WriteTimeout: requestTime, IdleTimeout: time.Minute,
		MaxHeaderBytes: mostHeader, ErrorLog: log.New(io.Discard, "", 0),
	}}
	go func() {
		defer close(s.ended)
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			_ = listener.Close() // nobody is served any more
			failed(err)
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

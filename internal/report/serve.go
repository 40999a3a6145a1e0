package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/masstrace/masstrace/internal/inputs"
	"github.com/masstrace/masstrace/internal/listen"
	"github.com/masstrace/masstrace/internal/outfile"
)

// After a reading of the inputs, the server waits restFactor times as long as that took, and at
// least leastRest. Then it may read them again.
const (
	restFactor = 4
	leastRest  = 2 * time.Second
)

// A client may take mostTime for an answer, with the reading of the inputs. mostConnections bounds the
// memory of clients that read slowly.
const (
	mostTime        = 5 * time.Minute
	mostConnections = 64
)

// Serve serves the page of c at an address until ctx ends. The page asks for its data again and
// again, and gets it anew after an input has changed. An address without a host is that of the
// loopback. Notice is called once, with the URL of the page.
func Serve(ctx context.Context, c Config, address string, notice func(url string)) error {
	c.Output, c.grows = "", true
	if err := c.Check(); err != nil {
		return err
	}
	if slices.Contains(c.Inputs, "-") {
		return &outfile.RefusedError{Name: "Inputs", Err: errors.New("a server cannot read standard input (-) again")}
	}
	page, err := Page(nil, Live)
	if err != nil {
		return err
	}
	listener, err := listen.TCP(ctx, address)
	if err != nil {
		return &outfile.RefusedError{Name: "Serve", Err: err}
	}
	notice("http://" + listener.Addr().String() + "/")
	server := &http.Server{
		Handler:           newHandler(ctx, &c, page, listener.Addr()),
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: mostTime, IdleTimeout: time.Minute,
		MaxHeaderBytes: 1 << 16, ErrorLog: log.New(io.Discard, "", 0),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(netutil.LimitListener(listener, mostConnections)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// handler serves the page and its data. Requests may come at the same time.
type handler struct {
	ctx  context.Context
	cfg  *Config
	page []byte
	// loopback is set if the server is for this machine alone. Then it answers to no other name, so
	// that a page of a stranger cannot read from it through a name of its own.
	loopback bool

	mu      sync.Mutex
	data    []byte // compressed
	version int    // of the data
	state   string // of the inputs when they were read
	next    time.Time
	fault   error
}

func newHandler(ctx context.Context, c *Config, page []byte, at net.Addr) *handler {
	h := &handler{ctx: ctx, cfg: c, page: page}
	if tcp, ok := at.(*net.TCPAddr); ok {
		h.loopback = tcp.IP.IsLoopback()
	}
	return h
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	// The policy in the page cannot forbid frames of other pages.
	w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
	case h.loopback && !isLocal(r.Host):
		http.Error(w, "this server is for this machine alone", http.StatusForbidden)
	case r.URL.Path == "/":
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(h.page) // the browser has gone away
	case r.URL.Path == "/data":
		h.serveData(w, r)
	default:
		http.NotFound(w, r)
	}
}

// isLocal reports whether the host of a request is a name of this machine.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && a.IsLoopback()
}

// serveData sends the data, unless the page has it.
func (h *handler) serveData(w http.ResponseWriter, r *http.Request) {
	data, version, err := h.current()
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("ETag", fmt.Sprintf(`"%d"`, version))
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// current returns the data of the inputs as they were a short time ago.
func (h *handler) current() (data []byte, version int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	began := time.Now()
	paths, err := inputs.Files(h.cfg.Inputs)
	if err != nil {
		paths = h.cfg.Inputs // read reports it
	}
	state := stateOf(paths)
	if state != h.state && began.After(h.next) {
		h.read()
		h.state = state
		h.next = time.Now().Add(max(leastRest, restFactor*time.Since(began)))
	}
	return h.data, h.version, h.fault
}

// read reads the inputs. If they cannot be read any more, the data from before stays.
func (h *handler) read() {
	g, err := gather(h.ctx, h.cfg)
	if g == nil {
		if h.data == nil {
			h.fault = err
		}
		return
	}
	data, err := zip(g.encode())
	if err != nil {
		h.fault = err
		return
	}
	h.data, h.fault = data, nil
	h.version++
}

// stateOf returns a text that changes when a file does.
func stateOf(paths []string) string {
	var b strings.Builder
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			fmt.Fprintln(&b, err)
			continue
		}
		fmt.Fprintln(&b, info.Size(), info.ModTime().UnixNano())
	}
	return b.String()
}

package report

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// served starts a server of a file, and returns its address. It ends with the test.
func served(t *testing.T) string {
	t.Helper()
	path := write(t, "ndjson", "a.ndjson", newTrace("203.0.113.9", "198.51.100.1"))
	ctx, cancel := context.WithCancel(t.Context())
	at, ended := make(chan string, 1), make(chan error, 1)
	go func() {
		ended <- Serve(ctx, Config{Inputs: []string{path}, Paths: 10}, ":0", func(url string) { at <- url })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	select {
	case url := <-at:
		return strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/")
	case err := <-ended:
		ended <- nil
		t.Fatal(err)
	}
	return ""
}

// asked sends a request as it stands, and returns the status of the answer, its header and its body.
func asked(t *testing.T, address, host, path string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host, r.URL.Opaque = host, path // not cleaned
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

// A server without a host is at the loopback. It answers to the names of this machine alone, has two
// paths and no files, and lets no other page frame it.
func TestServeStrangers(t *testing.T) {
	address := served(t)
	host, port, err := net.SplitHostPort(address)
	if err != nil || !net.ParseIP(host).IsLoopback() {
		t.Fatalf("the server is at %s", address)
	}
	for _, tt := range []struct {
		host, path string
		want       int
	}{
		{address, "/", http.StatusOK}, {"localhost:" + port, "/data", http.StatusOK},
		{"evil.example:" + port, "/", http.StatusForbidden}, {"evil.example", "/data", http.StatusForbidden},
		{"localhost.evil.example", "/data", http.StatusForbidden}, {"127.0.0.1.evil.example", "/data", http.StatusForbidden},
		{"192.0.2.1", "/data", http.StatusForbidden},
		{address, "/../../../../etc/passwd", http.StatusNotFound}, {address, "/%2e%2e/%2e%2e/etc/passwd", http.StatusNotFound},
		{address, "/data/../../etc/passwd", http.StatusNotFound}, {address, "/a.ndjson", http.StatusNotFound},
	} {
		status, header, body := asked(t, address, tt.host, tt.path)
		if status != tt.want {
			t.Errorf("%s%s: %d, want %d", tt.host, tt.path, status, tt.want)
		}
		if header.Get("Content-Security-Policy") != "frame-ancestors 'none'" || header.Get("X-Content-Type-Options") != "nosniff" ||
			header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s%s: header %v", tt.host, tt.path, header)
		}
		if strings.Contains(body, "root:x:") {
			t.Errorf("%s gives a file of the machine", tt.path)
		}
	}
}

// Clients that ask and read nothing do not keep others from their answers.
func TestServeSlowReaders(t *testing.T) {
	address := served(t)
	for range mostConnections / 2 {
		c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /data HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	if status, _, body := asked(t, address, "localhost", "/data"); status != http.StatusOK || body == "" {
		t.Errorf("status %d, %d octets", status, len(body))
	}
}

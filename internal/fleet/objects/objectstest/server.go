// Package objectstest is an object store for tests. It is an S3 server in this process, and fails
// when a test wants it to.
package objectstest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// Bucket is the name of the bucket of a server.
const Bucket = "results"

// Fault is a way to treat a write.
type Fault int

// The faults.
const (
	None   Fault = iota
	Refuse       // it answers that the request is not allowed
	Full         // it answers that there is no room
	Lose         // it writes, and the answer is lost
	Hang         // it does not answer
	Ignore       // it ignores conditions
)

// Server is a running server.
type Server struct {
	*httptest.Server
	Credentials string // file
	store       http.Handler

	mu     sync.Mutex
	fault  Fault
	times  int // writes that the fault is for; below 0 all
	failed int
	ended  chan struct{}
}

// New starts a server with an empty bucket, until the test ends. Any credentials will do.
func New(t testing.TB) *Server {
	t.Helper()
	memory := s3mem.New()
	if err := memory.CreateBucket(Bucket); err != nil {
		t.Fatal(err)
	}
	s := &Server{store: gofakes3.New(memory).Server(), ended: make(chan struct{})}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		close(s.ended)
		s.Server.CloseClientConnections()
		s.Server.Close()
	})
	s.Credentials = filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(s.Credentials, []byte("[default]\naws_access_key_id = key\naws_secret_access_key = secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// URLOf returns the URL of a prefix in the bucket.
func (s *Server) URLOf(prefix string) string { return s.URL + "/" + Bucket + "/" + prefix }

// Fail makes the next writes fail, all of them if times is below 0.
func (s *Server) Fail(f Fault, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.times = f, times
}

// Failed returns how many writes have failed.
func (s *Server) Failed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// next returns the fault of a write.
func (s *Server) next() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault == None || s.times == 0 {
		return None
	}
	s.times--
	s.failed++
	return s.fault
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := None
	if r.Method == http.MethodPut {
		fault = s.next()
	}
	switch fault {
	case Refuse:
		answer(w, r, http.StatusForbidden, "AccessDenied", "Access Denied.")
	case Full:
		answer(w, r, http.StatusInsufficientStorage, "XMinioStorageFull", "Storage backend has reached its minimum free drive threshold.")
	case Lose:
		s.store.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case Hang:
		select {
		case <-s.ended:
		case <-r.Context().Done():
		}
	case Ignore:
		r.Header.Del("If-None-Match")
		fallthrough
	default:
		s.store.ServeHTTP(w, r)
	}
}

// answer answers with an error of S3.
func answer(w http.ResponseWriter, r *http.Request, status int, code, text string) {
	_, _ = io.Copy(io.Discard, r.Body) // the client sends all before it reads
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>"+text+"</Message></Error>")
}

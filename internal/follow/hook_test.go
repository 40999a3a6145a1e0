package follow

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/masstrace/masstrace/internal/format/ndjson"
)

func call(t *testing.T, to string, limit time.Duration, changes int) (h *hook, warned []string) {
	t.Helper()
	h = newHook(to, func(text string) { warned = append(warned, text) })
	h.limit = limit
	for i := range changes {
		h.put(&ndjson.ChangeLine{Type: "change", Number: uint64(i + 1)})
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { h.run(ctx); close(done) }()
	for len(h.queue) > 0 {
		time.Sleep(time.Millisecond)
	}
	h.queue <- nil // taken when the one before is over
	for len(h.queue) > 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	<-done
	return h, warned
}

// A command gets each change, in order.
func TestHookCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "changes")
	h, warned := call(t, "cat >> "+file, time.Minute, 3)
	b, err := os.ReadFile(file)
	if err != nil || strings.Count(string(b), `"type":"change"`) != 3 || strings.Index(string(b), `"number":1`) > strings.Index(string(b), `"number":2`) {
		t.Errorf("%s, %v", b, err)
	}
	if h.failed.Load() != 0 || len(warned) != 0 {
		t.Errorf("%d failed: %q", h.failed.Load(), warned)
	}
}

// A command that fails or hangs is reported once, and too many changes are dropped.
func TestHookFaults(t *testing.T) {
	for _, command := range []string{"exit 3", "sleep 1000 & sleep 1000"} {
		h, warned := call(t, command, 50*time.Millisecond, 3)
		if h.failed.Load() < 3 || len(warned) != 1 {
			t.Errorf("%s: %d failed: %q", command, h.failed.Load(), warned)
		}
	}
	h := newHook("true", func(string) {})
	for range hookQueue + 5 {
		h.put(&ndjson.ChangeLine{})
	}
	if h.dropped.Load() != 5 {
		t.Errorf("%d dropped, want 5", h.dropped.Load())
	}
}

func TestHookURL(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if got += string(b); strings.Contains(got, `"number":2`) {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer s.Close()
	h, warned := call(t, s.URL, time.Minute, 2)
	if strings.Count(got, "change") != 2 || h.failed.Load() == 0 || len(warned) != 1 || !strings.Contains(warned[0], "418") {
		t.Errorf("%q, %d failed, %q", got, h.failed.Load(), warned)
	}
}

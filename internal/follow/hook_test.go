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
	"github.com/masstrace/masstrace/internal/record"
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
	go func() { h.run(ctx, ctx); close(done) }()
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

// What waits at the end is handed over, until the limit of one call.
func TestHookDrain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "changes")
	h := newHook("cat >> "+file, func(string) {})
	h.limit = time.Minute
	for range 3 {
		h.put(&ndjson.ChangeLine{Type: "change"})
	}
	h.drain(t.Context())
	if b, err := os.ReadFile(file); err != nil || strings.Count(string(b), `"type":"change"`) != 3 || *h.counts() != (record.FollowedCalls{Done: 3}) {
		t.Errorf("%s, %v, %+v", b, err, *h.counts())
	}
	h = newHook("sleep 1000", func(string) {})
	h.limit = 50 * time.Millisecond
	for range 3 {
		h.put(&ndjson.ChangeLine{})
	}
	h.drain(t.Context())
	if *h.counts() != (record.FollowedCalls{Left: 3}) {
		t.Errorf("%+v", *h.counts())
	}
}

// The end of a run lets the call end that goes on, and a kill does not.
func TestHookCut(t *testing.T) {
	for _, kill := range []bool{false, true} {
		ending, end := context.WithCancel(t.Context())
		killed, stop := context.WithCancel(t.Context())
		dir := t.TempDir()
		h := newHook("echo > "+dir+"/began; until [ -e "+dir+"/go ]; do sleep 0.01; done", func(string) {})
		h.limit = time.Minute
		h.put(&ndjson.ChangeLine{})
		done := make(chan struct{})
		go func() { h.run(ending, killed); close(done) }()
		for _, err := os.Stat(dir + "/began"); err != nil; _, err = os.Stat(dir + "/began") {
			time.Sleep(time.Millisecond)
		}
		end()
		want := record.FollowedCalls{Done: 1}
		if kill {
			stop()
			want = record.FollowedCalls{Left: 1}
		} else if err := os.WriteFile(dir+"/go", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		<-done
		stop()
		if *h.counts() != want {
			t.Errorf("kill %v: %+v, want %+v", kill, *h.counts(), want)
		}
	}
}

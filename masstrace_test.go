package masstrace_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/masstrace/masstrace"
	"github.com/masstrace/masstrace/internal/lab"
	"github.com/masstrace/masstrace/internal/lab/routers"
)

// config is a scan of some hundred targets, slow enough to be stopped.
func config() masstrace.Config {
	return masstrace.Config{Targets: []string{"45.16.0.0/16"}, Seed: "s", RatePPS: 2000, Wait: 300 * time.Millisecond}
}

// A scan ends by Stop with a summary, by its context without one, and by the error of a
// sink with that error.
func TestEndings(t *testing.T) {
	lab.Need(t, routers.Name)
	errSink := errors.New("the sink is full")
	for _, tt := range []struct {
		name    string
		act     func(stop chan struct{}, kill context.CancelFunc) error
		want    error
		summary bool
	}{
		{"stopped", func(stop chan struct{}, _ context.CancelFunc) error { close(stop); return nil }, nil, true},
		{"killed", func(_ chan struct{}, kill context.CancelFunc) error { kill(); return nil }, masstrace.ErrKilled, false},
		{"sink", func(chan struct{}, context.CancelFunc) error { return errSink }, errSink, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, kill := context.WithCancel(t.Context())
			defer kill()
			stop := make(chan struct{})
			c := config()
			c.Targets, c.Stop, c.Memory = []string{"45.0.0.0/10"}, stop, 1<<20 // some hundred windows
			n := 0
			summary, err := masstrace.Scan(ctx, c, masstrace.Func(func(*masstrace.Path) error {
				if n++; n == 1 {
					return tt.act(stop, kill)
				}
				return nil
			}))
			partial := new(masstrace.IncompleteError)
			if !errors.As(err, &partial) || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("Scan = %v, want an incomplete one by %v", err, tt.want)
			}
			if (summary != nil) != tt.summary || summary != nil && (summary.Complete || summary.Sent != summary.Answered+summary.Silent) {
				t.Errorf("summary %+v", summary)
			}
		})
	}
}

// all takes traces and replies.
type all struct {
	masstrace.Collect
	replies []*masstrace.Reply
}

func (a *all) Reply(r *masstrace.Reply) error {
	a.replies = append(a.replies, r)
	return nil
}

// Values of a scan are those of its records; several sinks and a file get the same.
func TestValues(t *testing.T) {
	lab.Need(t, routers.Name)
	var values all
	var text bytes.Buffer
	c := config()
	c.Targets, c.Replies, c.Attempts = []string{"45.80.3.9", "2a00:80:3::9"}, true, 2
	c.Output = filepath.Join(t.TempDir(), "out.ndjson.zst")
	progress := 0
	c.Progress = func(masstrace.Progress) { progress++ }
	summary, err := masstrace.Scan(t.Context(), c, &values, masstrace.NewNDJSON(&text))
	if err != nil {
		t.Fatal(err)
	}
	topology := routers.New()
	for _, p := range values.Paths {
		truth, _ := topology.Truth(p.Target)
		addrs := make([]netip.Addr, truth.Distance)
		for _, h := range p.Hops {
			addrs[h.TTL-1] = h.Addr
			if h.Valid != "strong" || !h.HasRTT || h.RTT <= 0 || h.Sent.Before(p.Start) || h.ReplyTTL == 0 {
				t.Errorf("%v: hop %+v", p.Target, h)
			}
		}
		if !truth.Allows(addrs) || p.Distance != truth.Distance || p.StopReason != "COMPLETED" || p.Method != masstrace.UDP {
			t.Errorf("%+v, want one of %v", p, truth.Paths)
		}
	}
	if n := uint64(len(values.replies)); n != summary.Answered || len(values.Paths) != 2 || !summary.Complete || summary.Strong != n {
		t.Errorf("%d replies, %d traces, %+v", n, len(values.Paths), summary)
	}
	if lines := bytes.Count(text.Bytes(), []byte("\n")); lines != 4+2*2+len(values.replies) {
		t.Errorf("%d records", lines)
	}
	for line := range bytes.Lines(text.Bytes()) {
		if !json.Valid(line) {
			t.Errorf("not a record: %s", line)
		}
	}
}

// A wrong configuration is refused before a probe is sent. The error names the field.
func TestConfigErrors(t *testing.T) {
	for field, change := range map[string]func(*masstrace.Config){
		"Method":   func(c *masstrace.Config) { c.Method = "sctp" },
		"Strategy": func(c *masstrace.Config) { c.Strategy = "lasthop" },
		"MinTTL":   func(c *masstrace.Config) { c.MinTTL = 40 },
		"Attempts": func(c *masstrace.Config) { c.Attempts = 5 },
		"Flows":    func(c *masstrace.Config) { c.Flows = -1 },
		"Port":     func(c *masstrace.Config) { c.Port = 1 << 16 },
		"Memory":   func(c *masstrace.Config) { c.Memory = 1 },
		"Targets":  func(c *masstrace.Config) { c.Targets = []string{"no such file"} },
		"Exclude":  func(c *masstrace.Config) { c.Exclude = []string{"no such file"} },
		"Sources":  func(c *masstrace.Config) { c.Sources = []netip.Addr{netip.MustParseAddr("2001:db8::1")} },
		"":         func(c *masstrace.Config) { c.Wait = -1 },
	} {
		c := config()
		change(&c)
		_, err := masstrace.Scan(t.Context(), c)
		if refused := new(masstrace.ConfigError); !errors.As(err, &refused) || refused.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := masstrace.Trace(t.Context(), masstrace.TraceConfig{Host: "45.80.3.9", Family: 5}); err == nil {
		t.Error("a family of addresses that there is not was taken")
	}
	_, err := masstrace.Replay(t.Context(), masstrace.ReplayConfig{Files: []string{"testdata/captures/README.md"}})
	if !errors.Is(err, masstrace.ErrCapture) {
		t.Errorf("replay of a text: %v", err)
	}
}

// A file that exists stays as it is, unless it may be overwritten; so does a capture that is to be
// replayed into itself.
func TestFiles(t *testing.T) {
	lab.Need(t, routers.Name)
	c := config()
	c.Targets, c.Output = []string{"45.80.3.9"}, filepath.Join(t.TempDir(), "out.ndjson")
	if err := os.WriteFile(c.Output, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := masstrace.Scan(t.Context(), c); !errors.Is(err, fs.ErrExist) {
		t.Errorf("scan into a file that exists: %v", err)
	}
	r := masstrace.ReplayConfig{Files: []string{c.Output}, Output: c.Output, Overwrite: true}
	if _, err := masstrace.Replay(t.Context(), r); err == nil {
		t.Error("a replay reads the file that it writes")
	}
	if text, err := os.ReadFile(c.Output); string(text) != "precious" {
		t.Errorf("%q is left of the file, %v", text, err)
	}
	c.Overwrite = true
	if summary, err := masstrace.Scan(t.Context(), c); err != nil || !summary.Complete {
		t.Errorf("scan over a file that exists: %v", err)
	}
	if text, err := os.ReadFile(c.Output); !bytes.HasPrefix(text, []byte(`{"type":"cycle-start"`)) {
		t.Errorf("%.30q is in the file, %v", text, err)
	}
}

// A trace follows its options.
func TestTraceOptions(t *testing.T) {
	lab.Need(t, routers.Name)
	c := masstrace.TraceConfig{
		Host: "45.80.3.9", Family: 4, Method: masstrace.ICMP, FirstTTL: 2, MaxTTL: 20, Attempts: 1, Flows: 2,
		Wait: time.Second, Notice: func(string) {},
	}
	paths, err := masstrace.Trace(t.Context(), c)
	if err != nil || len(paths) != 2 {
		t.Fatalf("%d traces, %v", len(paths), err)
	}
	for _, p := range paths {
		if p.Method != masstrace.ICMP || p.Hops[0].TTL != 2 || p.StopReason != "COMPLETED" {
			t.Errorf("%+v", p)
		}
	}
	c.Attempts = 9
	if refused := new(masstrace.ConfigError); !errors.As(ignore(masstrace.Trace(t.Context(), c)), &refused) || refused.Field != "Attempts" {
		t.Errorf("9 attempts: %v", refused)
	}
}

func ignore[T any](_ T, err error) error { return err }

// Breaking out of the loop over Paths stops the scan; an error of the scan comes last.
func TestPaths(t *testing.T) {
	lab.Need(t, routers.Name)
	c := config()
	c.Targets, c.Memory = []string{"45.0.0.0/10"}, 1<<20
	for p, err := range masstrace.Paths(t.Context(), c) {
		if err != nil || p.Target == (netip.Addr{}) {
			t.Errorf("%v, %v", p, err)
		}
		break
	}
	c.Attempts = 9
	n := 0
	for p, err := range masstrace.Paths(t.Context(), c) {
		n++
		if refused := new(masstrace.ConfigError); p != nil || !errors.As(err, &refused) {
			t.Errorf("%v, %v", p, err)
		}
	}
	if n != 1 {
		t.Errorf("%d values of a scan that is refused", n)
	}
}

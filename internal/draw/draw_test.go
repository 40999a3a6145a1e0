package draw

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares a text with a golden file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// rtts are round-trip times that grow with the TTL.
func rtts(ttl uint8, _ probe.Addr) (int64, bool) { return int64(ttl) * 1_234_000, ttl != 3 }

func text(t *testing.T, s sample, o Options) string {
	t.Helper()
	if s.rtt {
		o.RTT = rtts
	}
	var b strings.Builder
	if err := Text(&b, s.m, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Each sample has a golden drawing for both widths, and one in ASCII. No line is wider, and none
// ends in a blank.
func TestText(t *testing.T) {
	for _, s := range samples() {
		for _, width := range []int{80, 120} {
			got := text(t, s, Options{Width: width})
			golden(t, fmt.Sprintf("%s-%d.txt", s.name, width), got)
			for line := range strings.Lines(got) {
				if line = strings.TrimSuffix(line, "\n"); utf8.RuneCountInString(line) > width || strings.HasSuffix(line, " ") {
					t.Errorf("%s at %d: %q", s.name, width, line)
				}
			}
		}
		plain := text(t, s, Options{ASCII: true})
		for _, c := range plain {
			if c >= utf8.RuneSelf {
				t.Errorf("%s: %q in ASCII", s.name, c)
				break
			}
		}
		if s.name == "nested" {
			golden(t, "nested-ascii.txt", plain)
		}
	}
}

// Every address of a record is in its drawing, at any width.
func TestTextHasAll(t *testing.T) {
	for _, s := range samples() {
		for _, width := range []int{1, 40, 60, 200, 1000} {
			got := text(t, s, Options{Width: width})
			for _, n := range s.m.Nodes {
				if n.Flows > 1 && !strings.Contains(got, n.Addr.String()) {
					t.Errorf("%s at %d: no %v in\n%s", s.name, width, n.Addr, got)
				}
			}
		}
	}
}

type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTextError(t *testing.T) {
	for _, draw := range []func() error{
		func() error { return Text(full{}, samples()[1].m, Options{}) }, func() error { return Dot(full{}, samples()[1].m, Options{}) },
	} {
		if err := draw(); !errors.Is(err, errFull) {
			t.Error(err)
		}
	}
}

// A record with any content is drawn without a panic.
func TestTextOdd(t *testing.T) {
	m := &record.Multipath{
		Nodes: []record.Node{{TTL: 0}, {TTL: 255, Addr: target(false), Flows: -1}},
		Links: []record.Link{
			{TTL: 255, Near: target(false)}, {TTL: 0, Far: target(true)}, {TTL: 7, Near: target(false), Far: target(false), Flows: -3}, {TTL: 7, Near: target(false), Far: target(false)}, {TTL: 9},
		},
		Balancers: []record.Balancer{{TTL: 7, Width: -1, Confidence: -2}},
	}
	for _, o := range []Options{{}, {ASCII: true, Width: 1}} {
		var b strings.Builder
		if err := errors.Join(Text(&b, m, o), Dot(&b, m, o)); err != nil {
			t.Error(err)
		}
	}
}

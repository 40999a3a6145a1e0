package merge

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
)

// Lines that are missing, that are there twice, that cannot be read or that are of another run make
// a merge refuse the file.
func TestMergeContents(t *testing.T) {
	const traceAt = 2 // after cycle-start and run; a shard has traces of two lines
	tests := []struct {
		name   string
		change func(lines [][]byte) [][]byte
		want   string
	}{
		{"as it was", func(l [][]byte) [][]byte { return l }, ""},
		{"a trace cut out", func(l [][]byte) [][]byte { return slices.Delete(l, traceAt, traceAt+2) }, "lines are missing or"},
		{"a trace without trace-ext", func(l [][]byte) [][]byte { return slices.Delete(l, traceAt+1, traceAt+2) }, "has no trace-ext record"},
		{"a trace-ext alone", func(l [][]byte) [][]byte { return slices.Delete(l, traceAt, traceAt+1) }, "without its trace"},
		{"all traces cut out", func(l [][]byte) [][]byte { return slices.Delete(l, traceAt, len(l)-2) }, "lines are missing or"},
		{"a trace twice", func(l [][]byte) [][]byte {
			return slices.Insert(l, traceAt, bytes.Clone(l[traceAt]), bytes.Clone(l[traceAt+1]))
		}, "there twice"},
		{"a trace of another shard", func(l [][]byte) [][]byte {
			l[traceAt] = bytes.Replace(l[traceAt], []byte("198.51.1."), []byte("198.51.0."), 1)
			l[traceAt+1] = bytes.Replace(l[traceAt+1], []byte("198.51.1."), []byte("198.51.0."), 1)
			return l
		}, "there twice"},
		{"two summaries", func(l [][]byte) [][]byte { return slices.Insert(l, len(l)-1, bytes.Clone(l[len(l)-2])) }, "a second summary"},
		{"a trace after the summary", func(l [][]byte) [][]byte { return append(l, bytes.Clone(l[traceAt])) }, "has no trace-ext record"},
		{"another run", func(l [][]byte) [][]byte {
			l[traceAt+1] = bytes.Replace(l[traceAt+1], []byte(`"run":"B"`), []byte(`"run":"Z"`), 1)
			return l
		}, "a trace-ext record of run"},
		{"not a trace", func(l [][]byte) [][]byte {
			l[traceAt] = bytes.Replace(l[traceAt], []byte(`"dst":"`), []byte(`"dst":"x`), 1)
			return l
		}, "trace record"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			paths := writeShards(t)
			paths[1] = strings.TrimSuffix(paths[1], ".gz")
			writeShard(t, paths[1], 1, shardOf{})
			text, err := os.ReadFile(paths[1])
			if err != nil {
				t.Fatal(err)
			}
			lines := tt.change(slices.Collect(bytes.Lines(text)))
			if err := os.WriteFile(paths[1], bytes.Join(lines, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = Prepare(t.Context(), Config{Files: paths})
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if err != nil && !errors.Is(err, ErrContents) && tt.name != "not a trace" {
				t.Errorf("%v is no ErrContents", err)
			}
		})
	}
}

// A set of traces knows each of them, and no other.
func TestTraceSet(t *testing.T) {
	s := newTraceSet()
	addr := netip.MustParseAddr("2001:db8::")
	for range 5000 {
		addr = addr.Next()
		if !s.addMultipath(addr) || s.addMultipath(addr) {
			t.Fatalf("multipath of %v", addr)
		}
		for flow := range uint16(2) {
			if !s.addTrace(&traceName{addr, flow}) || s.addTrace(&traceName{addr, flow}) {
				t.Fatalf("%v, flow %d", addr, flow)
			}
		}
	}
}

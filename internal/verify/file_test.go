package verify

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

// Results that cannot be read, or that have nothing in them, are a fault. So are lines that
// contradict each other. It does not matter how right the other lines are.
func TestFileFaults(t *testing.T) {
	isTrace := func(l []byte) bool { return bytes.HasPrefix(l, []byte(`{"type":"trace"`)) }
	tests := []struct {
		name   string
		change func(lines [][]byte) [][]byte
		want   string // "" for no fault
	}{
		{"as it was", func(l [][]byte) [][]byte { return l }, ""},
		{"unreadable traces", func(l [][]byte) [][]byte {
			for i := range l {
				if isTrace(l[i]) {
					l[i] = bytes.Replace(l[i], []byte(`"dst":"`), []byte(`"dst":"x`), 1)
				}
			}
			return l
		}, "lines that cannot be read"},
		{"one line of noise", func(l [][]byte) [][]byte { return slices.Insert(l, 4, []byte("noise\n")) }, "lines that cannot be read: 1"},
		{"no traces", func(l [][]byte) [][]byte { return slices.DeleteFunc(l, isTrace) }, "no traces and no replies"},
		{"nothing but the run", func(l [][]byte) [][]byte { return l[:2] }, "no traces and no replies"},
		{"a trace twice", func(l [][]byte) [][]byte {
			i := slices.IndexFunc(l, isTrace)
			return slices.Insert(l, i, bytes.Clone(l[i]), bytes.Clone(l[i+1]))
		}, "traces that are there twice: 1"},
		{"a trace cut out", func(l [][]byte) [][]byte {
			i := slices.IndexFunc(l, isTrace)
			return slices.Delete(l, i, i+2)
		}, "impossible counts"},
		{"two summaries", func(l [][]byte) [][]byte { return append(l, bytes.Clone(l[len(l)-2])) }, "summaries"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := files(t, &prober{preset: "clean", targets: 10})
			text, err := os.ReadFile(c.Results)
			if err != nil {
				t.Fatal(err)
			}
			lines := tt.change(slices.Collect(bytes.Lines(text)))
			if err := os.WriteFile(c.Results, bytes.Join(lines, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := Run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if r.OK() != (tt.want == "") || !strings.Contains(strings.Join(r.Faults, "; "), tt.want) {
				t.Errorf("faults %q, want %q", r.Faults, tt.want)
			}
		})
	}
}

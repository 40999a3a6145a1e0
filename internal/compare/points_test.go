package compare

import (
	"os"
	"path/filepath"
	"testing"
)

// Vantage points that trace the same targets are compared one by one.
func TestOnePoint(t *testing.T) {
	for _, tt := range []struct {
		mode    string // "" for a folder without a job
		at      string // folder that is compared
		refused bool
	}{
		{"every", ".", true},
		{"assigned", "run=1", true},
		{"split", ".", false},
		{"split", "run=1", false},
		{"every", "run=1/vantage_point=a", false},
		{"", ".", true},
	} {
		dir := t.TempDir()
		put := func(name, text string) {
			t.Helper()
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		put("run=1/vantage_point=a/x.ndjson", "{}\n")
		put("run=1/vantage_point=b/x.ndjson", "{}\n")
		if tt.mode != "" {
			put("run=1/job.json", `{"job":{"spec":{"mode":"`+tt.mode+`"}}}`)
		}
		if err := onePoint(filepath.Join(dir, tt.at)); (err != nil) != tt.refused {
			t.Errorf("%q, %s: %v", tt.mode, tt.at, err)
		}
	}
}

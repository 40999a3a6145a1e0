package agent

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An agent whose disk is full cannot write its status. The owner reads that it runs.
func TestStaleStatus(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-time.Minute)
	text, err := json.Marshal(&Status{Name: "paris", Written: old})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, statusFile), text, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := ReadStatus(dir)
	if err != nil || s.Trouble != "" || !s.Written.Equal(old) {
		t.Errorf("without an agent: %+v, %v", s, err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	s, err = ReadStatus(dir)
	if err != nil || !strings.Contains(s.Trouble, "is its disk full?") || time.Since(s.Written) > fresh {
		t.Errorf("with an agent: %+v, %v", s, err)
	}
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// profileLines is how many functions a profile lists.
const profileLines = 30

// profile writes how the processor time of the stage's benchmarks is spent, in the format of pprof
// -top. The file in dir is named after the stage.
func (s stage) profile(dir string) error {
	work, err := os.MkdirTemp("", "masstrace-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	binary, samples := filepath.Join(work, "test"), filepath.Join(work, "cpu")
	if err := s.sample(binary, samples, "-pgo", guidePath); err != nil {
		return err
	}
	top, err := exec.Command("go", "tool", "pprof", "-top", fmt.Sprintf("-nodecount=%d", profileLines), binary, samples).Output()
	if err != nil {
		return fmt.Errorf("profile %s: %w", s.name, err)
	}
	text := fmt.Sprintf("%s: go test -bench '%s' ./%s\n\n%s", s.name, s.pattern, s.pkg, withoutTimes(top))
	return os.WriteFile(filepath.Join(dir, s.file()), []byte(text), 0o644)
}

// sample runs the stage's benchmarks. It writes their binary and a profile of the processor time.
// flags are for the compiler, as flags of go test.
func (s stage) sample(binary, samples string, flags ...string) error {
	args := append(append([]string{"test"}, flags...), "-run", "^$", "-bench", s.pattern, "-benchtime", "1s", "-cpu", "1",
		"-cpuprofile", samples, "-o", binary, "./"+s.pkg)
	if text, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("profile %s: %w\n%s", s.name, err, text)
	}
	return nil
}

// file returns a file name for the stage's profile.
func (s stage) file() string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(s.name, func(r rune) bool { return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') }) {
		if b.Len() > 0 {
			b.WriteByte('-')
		}
		b.WriteString(strings.ToLower(word))
	}
	return b.String() + ".txt"
}

// withoutTimes removes the lines of pprof's report that differ each time.
func withoutTimes(top []byte) []byte {
	var kept [][]byte
	for line := range bytes.Lines(top) {
		switch word, _, _ := bytes.Cut(line, []byte(":")); string(word) {
		case "File", "Build ID", "Time", "Type":
		default:
			kept = append(kept, line)
		}
	}
	return bytes.Join(kept, nil)
}

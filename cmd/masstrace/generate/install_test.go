package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// make install puts every generated file below DESTDIR and PREFIX, and make uninstall removes all.
func TestInstall(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("needs make")
	}
	dir := t.TempDir()
	program := filepath.Join(t.TempDir(), "masstrace")
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	call := func(target string) (installed []string) {
		t.Helper()
		// -o build: a placeholder is installed, and nothing is built.
		cmd := exec.CommandContext(t.Context(), "make", "-C", root, "-o", "build", target, "BIN="+program, "DESTDIR="+dir, "PREFIX=/opt/x")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("make %s: %v\n%s", target, err, out)
		}
		err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				installed = append(installed, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return installed
	}
	want := []string{
		"opt/x/bin/masstrace", "opt/x/share/doc/masstrace/LICENSE", "opt/x/share/zsh/site-functions/_masstrace",
		"opt/x/share/bash-completion/completions/masstrace", "opt/x/share/fish/vendor_completions.d/masstrace.fish",
	}
	for name := range files(t) {
		switch {
		case strings.HasPrefix(name, "docs/man/"):
			want = append(want, "opt/x/share/man/man1/"+filepath.Base(name))
		case strings.HasPrefix(name, "docs/"):
			want = append(want, "opt/x/share/doc/masstrace/"+name)
		}
	}
	got := call("install")
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s is not installed", name)
		}
	}
	if left := call("uninstall"); len(left) > 0 {
		t.Errorf("make uninstall leaves %v", left)
	}
}

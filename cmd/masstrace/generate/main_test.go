package main

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the generated files")

// root is the root of the repository.
const root = "../../.."

// files returns the generated files.
func files(t *testing.T) map[string]string {
	t.Helper()
	all, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The files in the repository are those that the grammar gives, and there are no others.
func TestCurrent(t *testing.T) {
	if *update {
		if err := write(root); err != nil {
			t.Fatal(err)
		}
	}
	want := files(t)
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil || string(got) != text {
			t.Errorf("%s is not current (%v): go run ./cmd/masstrace/generate", name, err)
		}
	}
	for _, dir := range []string{"completions", "docs/man", "docs/commands"} {
		err := fs.WalkDir(os.DirFS(root), dir, func(path string, d fs.DirEntry, err error) error {
			if _, ok := want[path]; err == nil && !d.IsDir() && !ok {
				t.Errorf("%s is a file that no command has", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// groff formats each manual page without a warning, and every option is in the result.
func TestManualPages(t *testing.T) {
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("needs groff (groff-base)")
	}
	for name, text := range files(t) {
		if !strings.HasPrefix(name, "docs/man/") {
			continue
		}
		var warnings bytes.Buffer
		cmd := exec.CommandContext(t.Context(), "groff", "-man", "-ww", "-Tascii", "-P-cbou", "-rHY=0")
		cmd.Stdin, cmd.Stderr = strings.NewReader(text), &warnings
		out, err := cmd.Output()
		if err != nil || warnings.Len() > 0 {
			t.Errorf("%s: %v\n%s", name, err, warnings.String())
		}
		for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "SEE ALSO", "--version"} {
			if !strings.Contains(string(out), section) {
				t.Errorf("%s lacks %s:\n%s", name, section, out)
			}
		}
	}
}

// The completion for bash works in bash, without the package bash-completion.
func TestBash(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("needs bash")
	}
	dir := t.TempDir()
	script := filepath.Join(dir, "masstrace.bash")
	if err := os.WriteFile(script, []byte(files(t)["completions/masstrace.bash"]), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"list.txt", "log.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		line string // the words before the cursor, as bash splits them; a last _ is an empty word
		want string
	}{
		{"_", "scan trace replay show merge lab verify help version"},
		{"s", "scan show"},
		{"--v", "--version"},
		{"scan --rec", "--records --receive-buffer"},
		{"scan --records = t", "trace"},
		{"scan --records _", "trace reply both"},
		{"scan --strategy = _", "complete topology exhaustive"},
		{"scan --method tcp", "tcp-syn tcp-ack"},
		{"scan l", "list.txt log.txt"},
		{"scan list.txt -o lo", "log.txt"},
		{"scan --rate _", ""},
		{"trace -", "-4 -6"},
		{"lab --preset n", "nat noise"},
		{"lab --set loss", "loss-forward= loss-reply="},
		{"lab --set loss-forward = _", ""},
		{"lab --network = routers-", "routers-limited"},
		{"lab -- masstrace tr", "trace"},
		{"lab -- masstrace scan --dry", "--dry-run"},
		{"lab -- cat lo", "log.txt"},
		{"lab -- ba", "bash"},
		{"help tr", "trace"},
	} {
		words := strings.Fields(strings.ReplaceAll("masstrace "+tt.line, "_", "''"))
		cmd := exec.CommandContext(t.Context(), "bash", "--norc", "-u", "-c",
			`. "$1"; COMP_WORDS=(`+strings.Join(words, " ")+`); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _masstrace; echo "${COMPREPLY[*]-}"`, "bash", script)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", tt.line, err, out)
			continue
		}
		got := strings.Fields(string(out))
		for _, want := range strings.Fields(tt.want) {
			if !slices.Contains(got, want) {
				t.Errorf("%s: offers %q, want %q", tt.line, got, want)
			}
		}
		if tt.want == "" && len(got) > 0 {
			t.Errorf("%s: offers %q, want nothing", tt.line, got)
		}
	}
}

// Quotes in the completions for zsh and fish are balanced in every line. The shells themselves
// check the syntax if they are installed.
func TestOtherShells(t *testing.T) {
	for shell, name := range map[string]string{"zsh": "completions/_masstrace", "fish": "completions/masstrace.fish"} {
		text := files(t)[name]
		for line := range strings.Lines(text) {
			plain := strings.NewReplacer(`\\`, "", `\'`, "").Replace(line)
			if shell == "zsh" {
				plain = strings.ReplaceAll(line, `'\''`, "")
			}
			if !strings.HasPrefix(line, "#") && strings.Count(plain, "'")%2 != 0 {
				t.Errorf("%s: a quote has no end: %s", name, line)
			}
		}
		if _, err := exec.LookPath(shell); err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		cmd := exec.CommandContext(t.Context(), shell, "-n", filepath.Join(root, name))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", shell, err, out)
		}
	}
}

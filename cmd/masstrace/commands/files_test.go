package commands

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// fileOption is an option or an argument that names a file.
type fileOption struct {
	name   string // flag, or argument
	args   func(path string) []string
	writes bool
}

// written are the options that a command writes to; all others that take a FILE are read.
var written = []string{"--output", "--replies", "--meta", "--pcap", "--checkpoint", "--resume", "--log", "--counters", "--state"}

// alone are options that stand for others and go with none of these.
var alone = map[string][]string{
	"--probes": {"targets", "--checkpoint", "--resume"},
	"--resume": {"--checkpoint", "--pcap"},
	"--pcap":   {"--checkpoint"},
}

// apart reports whether two options cannot be given together anyway.
func apart(a, b string) bool { return slices.Contains(alone[a], b) || slices.Contains(alone[b], a) }

// fileOptions returns the options of a command that name files, as its grammar has them.
func fileOptions(node *kong.Node) (options []fileOption) {
	for _, group := range node.AllFlags(false) {
		for _, f := range group {
			if f.PlaceHolder != "FILE" && f.PlaceHolder != "FILE|DIR" {
				continue
			}
			name := "--" + f.Name
			options = append(options, fileOption{name, func(path string) []string { return []string{name, path} }, slices.Contains(written, name)})
		}
	}
	for _, p := range node.Positional {
		if p.Name == "targets" || p.Name == "file" {
			options = append(options, fileOption{p.Name, func(path string) []string { return []string{path} }, false})
		}
	}
	return options
}

// needed returns further arguments that a command needs with a pair.
func needed(command string, pair ...string) (args []string) {
	switch {
	case command == "scan" && !slices.Contains(pair, "targets") && !slices.Contains(pair, "--probes") && !slices.Contains(pair, "--resume"):
		args = append(args, "45.0.0.1")
	case command == "scan" && slices.Contains(pair, "--resume") && !slices.Contains(pair, "targets"):
		args = append(args, "45.0.0.1")
	case (command == "replay" || command == "merge" || command == "annotate") && !slices.Contains(pair, "file"):
		args = append(args, "another")
	case command == "follow" && !slices.Contains(pair, "targets"):
		args = append(args, "45.0.0.1")
	case command == "fetch":
		args = append(args, "monday")
	case command == "lab":
		args = append(args, "--", "true")
	}
	return args
}

// No command writes to a file that another of its options names, even by another path, and even
// if it may overwrite. The file stays as it is.
func TestFilePairs(t *testing.T) {
	parser, err := newParser(io.Discard, io.Discard, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	pairs := 0
	for _, node := range parser.Model.Children {
		if node.Name == "verify" || node.Name == "hub" {
			continue // writes no file, or new ones alone
		}
		options := fileOptions(node)
		for i, a := range options {
			for _, b := range options[i+1:] {
				if !a.writes && !b.writes || apart(a.name, b.name) {
					continue
				}
				pairs++
				checkPair(t, node.Name, a, b)
			}
		}
	}
	if pairs < 40 {
		t.Errorf("only %d pairs: the options are not found", pairs)
	}
}

// checkPair runs a command whose two options name one file.
func checkPair(t *testing.T, command string, a, b fileOption) {
	dir := t.TempDir()
	there, link := filepath.Join(dir, "there"), filepath.Join(dir, "link")
	const content = "45.0.0.1\n"
	if err := os.WriteFile(there, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(there, link); err != nil {
		t.Fatal(err)
	}
	for _, second := range []string{there, link} {
		args := slices.Concat([]string{command, "--overwrite"}, a.args(there), b.args(second), needed(command, a.name, b.name))
		var stderr bytes.Buffer
		status := execute(args, strings.NewReader(""), io.Discard, &stderr)
		text := stderr.String()
		if status != statusUsage || !strings.Contains(text, a.name) || !strings.Contains(text, b.name) || !strings.Contains(text, "same file") {
			t.Errorf("masstrace %q: exit status %d\n%s", args, status, text)
		}
		if got, err := os.ReadFile(there); string(got) != content {
			t.Errorf("masstrace %q: %q is left of the file, %v", args, got, err)
		}
	}
	if names, err := os.ReadDir(dir); len(names) != 2 || err != nil {
		t.Errorf("%s %s %s: files %v, %v", command, a.name, b.name, names, err)
	}
}

// The standard streams count as the files that they are: no command writes to the file that it
// reads from standard input, or reads a file that its standard output goes to.
func TestFilePairsOfStreams(t *testing.T) {
	for _, tt := range []struct{ args, in, out, want string }{ // in and out are the streams, FILE is the file
		{args: "scan --overwrite - -o FILE", in: "FILE", want: "--output and targets"},
		{args: "scan --overwrite 45.0.0.1 --exclude - -o FILE", in: "FILE", want: "--output and --exclude"},
		{args: "scan --overwrite - --pcap FILE", in: "FILE", want: "--pcap and targets"},
		{args: "scan --overwrite --probes - -o FILE", in: "FILE", want: "--output and --probes"},
		{args: "scan --overwrite FILE", out: "FILE", want: "--output and targets"},
		{args: "scan --overwrite -", in: "FILE", out: "FILE", want: "--output and targets"},
		{args: "scan --overwrite 45.0.0.1 --replies FILE", out: "FILE", want: "--output and --replies"},
		{args: "scan --overwrite 45.0.0.1 --pcap FILE", out: "FILE", want: "--output and --pcap"},
		{args: "replay --overwrite - -o FILE", in: "FILE", want: "--output and file"},
		{args: "replay --overwrite FILE", out: "FILE", want: "--output and file"},
		{args: "merge --overwrite FILE", out: "FILE", want: "--output and file"},
		{args: "trace -", in: "FILE", out: "FILE", want: "the standard output and --hosts"},
		{args: "trace --hosts FILE", out: "FILE", want: "the standard output and --hosts"},
		{args: "annotate --text --names FILE", out: "FILE", want: "the standard output and --names"},
		{args: "annotate another - --asn FILE", out: "FILE", want: "the output (the last argument) and --asn"},
		{args: "annotate - -o FILE --overwrite --asn another", in: "FILE", want: "--output and file"},
		{args: "show FILE", out: "FILE", want: "the standard output and file"},
		{args: "verify FILE --log another", out: "FILE", want: "the standard output and file"},
		{args: "verify another --log FILE", out: "FILE", want: "the standard output and --log"},
	} {
		path := filepath.Join(t.TempDir(), "there")
		const content = "45.0.0.1\n"
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		stream := func(name string, flags int) *os.File {
			if name == "" {
				name = os.DevNull
			}
			f, err := os.OpenFile(strings.ReplaceAll(name, "FILE", path), flags, 0)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		in, out := stream(tt.in, os.O_RDONLY), stream(tt.out, os.O_WRONLY|os.O_APPEND)
		var stderr bytes.Buffer
		status := execute(strings.Fields(strings.ReplaceAll(tt.args, "FILE", path)), in, out, &stderr)
		if err := errors.Join(in.Close(), out.Close()); err != nil {
			t.Error(err)
		}
		if text := stderr.String(); status != statusUsage || !strings.Contains(text, tt.want) || !strings.Contains(text, "same file") {
			t.Errorf("%s <%s >>%s: exit status %d, want %s\n%s", tt.args, tt.in, tt.out, status, tt.want, text)
		}
		if got, err := os.ReadFile(path); string(got) != content {
			t.Errorf("%s: %q is left of the file, %v", tt.args, got, err)
		}
	}
}

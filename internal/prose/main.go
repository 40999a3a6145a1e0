// Command prose counts the sentences that break the project's rules of plain English.
//
//	go run ./internal/prose [-v] [PATH]...
//
// It reads the comments of Go files, the help texts of flags and the pages in Markdown.
// The default path is the current folder. It writes a table of findings by folder and rule.
// With -v it also writes every finding as FILE:LINE: RULE: SENTENCE.
// It reports only: findings do not change the exit status.
package main

import (
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	verbose := flag.Bool("v", false, "write every finding")
	flag.Parse()
	paths := flag.Args()
	if len(paths) == 0 {
		paths = []string{"."}
	}
	if err := check(os.Stdout, *verbose, paths); err != nil {
		fmt.Fprintln(os.Stderr, "prose:", err)
		os.Exit(1)
	}
}

// check writes the findings of all files below paths to w.
func check(w io.Writer, verbose bool, paths []string) error {
	var r report
	for _, path := range paths {
		if err := r.addAll(path); err != nil {
			return err
		}
	}
	if verbose {
		if err := r.writeFindings(w); err != nil {
			return err
		}
	}
	return r.writeTable(w)
}

// addAll adds the findings of all files below path.
func (r *report) addAll(path string) error {
	return filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != path && isSkipped(d.Name()):
			return fs.SkipDir
		case d.IsDir() || !isRead(name):
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		f := file{name: filepath.ToSlash(name), text: string(text)}
		findings, sentences, err := f.check()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.add(f.name, findings, sentences)
		return nil
	})
}

// isSkipped reports whether the files of a folder are not ours to write: data and results.
func isSkipped(folder string) bool {
	return strings.HasPrefix(folder, ".") || folder == "testdata" || folder == "out" || folder == "bin"
}

// isRead reports whether a file holds prose. The pages in bench are written by programs.
func isRead(name string) bool {
	generated := filepath.Base(filepath.Dir(name)) == "bench"
	return strings.HasSuffix(name, ".go") || strings.HasSuffix(name, ".md") && !generated
}

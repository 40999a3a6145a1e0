// Command generate writes the manual pages, the pages of the commands in docs, and the completions
// for shells. It runs in the root of the repository:
//
//	go run ./cmd/masstrace/generate
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/masstrace/masstrace/cmd/masstrace/commands"
)

func main() {
	if err := write("."); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// generate returns the text of all files, by their paths below root. A command whose name a page
// in docs has gets a link to it.
func generate(root string) (map[string]string, error) {
	program, err := commands.Grammar()
	if err != nil {
		return nil, err
	}
	for i := range program.Commands {
		guide := program.Commands[i].Name + ".md"
		if _, err := os.Stat(filepath.Join(root, "docs", guide)); err == nil {
			program.Commands[i].Guide = guide
		}
	}
	return program.Files(), nil
}

// write writes all files below root.
func write(root string) error {
	files, err := generate(root)
	if err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

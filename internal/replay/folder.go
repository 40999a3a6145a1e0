package replay

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/masstrace/masstrace/internal/capture"
	"github.com/masstrace/masstrace/internal/pcapng"
	"github.com/masstrace/masstrace/internal/plan"
)

// captures returns the files to read: a folder stands for the captures in it. Other files of a
// folder are left out, and notice is called for them. A file that cannot be opened is an error
// before any other is read.
func captures(paths []string, notice func(format string, args ...any)) (files []string, err error) {
	for _, path := range paths {
		if path == "-" {
			files = append(files, path)
			continue
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().IsRegular() {
			err = readable(path)
		}
		if err != nil {
			return nil, fmt.Errorf("open capture: %w", err)
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		found, err := inFolder(path, notice)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, plan.Refuse("Files", "%s: the folder has no captures", path)
		}
		files = append(files, found...)
	}
	return files, nil
}

// readable returns the error of opening a file.
func readable(path string) error {
	f, err := os.Open(path)
	if err == nil {
		f.Close() // read only: nothing is lost
	}
	return err
}

// inFolder returns the captures in a folder, not those in folders below it, by name.
func inFolder(folder string, notice func(format string, args ...any)) (files []string, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		info, err := os.Stat(path)
		switch {
		case err != nil || !info.Mode().IsRegular():
			continue
		case strings.HasPrefix(e.Name(), "."), strings.HasSuffix(e.Name(), capture.KeySuffix):
			continue
		}
		f, err := pcapng.OpenFile(path, nil)
		if errors.Is(err, pcapng.ErrCapture) {
			notice("%v; left out", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		f.Close() // read only: nothing is lost
		files = append(files, path)
	}
	return files, nil
}

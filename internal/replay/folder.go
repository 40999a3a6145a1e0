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
// folder are left out, and notice is called for them.
func captures(paths []string, notice func(format string, args ...any)) (files []string, err error) {
	for _, path := range paths {
		info, err := os.Stat(path)
		if path == "-" || err != nil || !info.IsDir() {
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

// readable returns an error if one of the files cannot be opened. Pipes are not opened here: they
// can be read once.
func readable(paths []string) error {
	for _, path := range paths {
		info, err := os.Stat(path)
		if path == "-" || err == nil && !info.Mode().IsRegular() {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("open capture: %w", err)
		}
		f.Close() // read only: nothing is lost
	}
	return nil
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

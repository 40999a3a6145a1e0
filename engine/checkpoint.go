package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/masstrace/masstrace/internal/record"
)

// checkpointVersion is the version of the form of a checkpoint.
const checkpointVersion = 1

// checkpoint is how far a scan has come, and what it was asked for: all that
// another process needs to go on. Windows are recorded in the order of their
// numbers, so that one number says which are.
type checkpoint struct {
	Masstrace     int               `json:"masstrace"` // version of this form
	Tool          string            `json:"tool"`
	Run           string            `json:"run"`
	Seed          string            `json:"seed"`
	Key           string            `json:"key"`
	TargetsSHA256 string            `json:"targets_sha256"`
	ExcludeSHA256 string            `json:"exclude_sha256"`
	Options       map[string]string `json:"options"` // by flag
	Source4       netip.Addr        `json:"source4"`
	Source6       netip.Addr        `json:"source6"`
	Avoid         []uint16          `json:"avoid"` // ports
	WindowTargets int               `json:"window_targets"`
	Windows       uint64            `json:"windows"` // recorded
	Offset        int64             `json:"offset"`  // where the output ends with them
	Counters      record.Summary    `json:"counters"`
	Reread        *reread           `json:"reread,omitempty"` // if the exclude files were
}

// save puts c in the place of the file at path, so that whoever looks at any
// time finds the old one whole, or the new one. It holds the key of the run:
// only its owner may read it.
func (c *checkpoint) save(path string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	fresh := path + ".new"
	err = writeSynced(fresh, append(text, '\n'))
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	return nil
}

// writeSynced makes the file at path, anew, for its owner alone.
func writeSynced(path string, text []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes the names in a folder outlive the machine.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// loadCheckpoint reads what save wrote.
func loadCheckpoint(path string) (*checkpoint, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, environment(fmt.Errorf("read checkpoint: %w", err))
	}
	c := new(checkpoint)
	if err := json.Unmarshal(text, c); err != nil {
		return nil, environment(fmt.Errorf("%s is no checkpoint: %w", path, err))
	}
	if c.Masstrace != checkpointVersion {
		return nil, environment(fmt.Errorf("%s is no checkpoint of version %d, written by this masstrace", path, checkpointVersion))
	}
	if err := c.Counters.Balance(); err != nil {
		return nil, environment(fmt.Errorf("%s is no checkpoint: %w", path, err))
	}
	return c, nil
}

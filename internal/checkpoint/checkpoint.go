// Package checkpoint saves the progress of a scan, so that another process can continue it.
// After each window the records are synced to the disk. The checkpoint then has the length
// of the output, and the sum of the accounts of all recorded windows.
package checkpoint

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
)

// version is the version of the form of a checkpoint.
const version = 3

// state is the content of a checkpoint file: the parameters of the run, its key, and its
// progress. Windows are recorded in the order of their numbers, so one number identifies
// them.
type state struct {
	Masstrace int         `json:"masstrace"` // version of this form
	Tool      string      `json:"tool"`      // that wrote it
	Digest    string      `json:"digest"`    // of the file, see sign
	Key       string      `json:"key"`
	Params    plan.Params `json:"params"`
	// Exclude are the ranges that the index was made without, Since those excluded since.
	Exclude string `json:"exclude"`
	Since   string `json:"since,omitempty"`
	// ReadSHA256 is the digest of the exclusions when they were last read again.
	ReadSHA256 string         `json:"read_sha256,omitempty"`
	Windows    uint64         `json:"windows"`               // recorded
	Output     outfile.Mark   `json:"output"`                // where the output ends with them
	More       []outfile.Mark `json:"more_output,omitempty"` // the same of the files of replies and meta records
	Counters   record.Summary `json:"counters"`
	// Findings is a findings.Counter of the recorded windows; absent if there are no traces.
	Findings json.RawMessage `json:"findings,omitempty"`
}

// save puts s in the place of the file at path, so that a reader finds the old one whole,
// or the new one. It holds the key of the run: only its owner may read it.
func (s *state) save(path string) error {
	signed := *s
	signed.Digest = noDigest
	text, err := json.MarshalIndent(&signed, "", "  ")
	if err == nil {
		text = append(text, '\n')
		err = sign(text)
	}
	if err == nil {
		err = outfile.Replace(path, 0o600, text)
	}
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	return nil
}

// load reads a file that save wrote.
func load(path string) (*state, error) {
	text, err := readAll(path)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	var head struct {
		Masstrace int    `json:"masstrace"`
		Tool      string `json:"tool"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("%s is not a checkpoint: %w", path, err)
	}
	if head.Masstrace != version {
		return nil, fmt.Errorf("%s is a checkpoint of version %d (written by %s), and this program reads version %d: continue with that program", path, head.Masstrace, head.Tool, version)
	}
	s, err := new(state), check(text)
	if err == nil {
		err = json.Unmarshal(text, s)
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not a checkpoint: %w", path, err)
	}
	s.Digest = ""
	if err := s.Counters.Balance(); err != nil {
		return nil, fmt.Errorf("%s is not a checkpoint: %w", path, err)
	}
	if err := s.Params.Validate(); err != nil {
		return nil, fmt.Errorf("%s is not a checkpoint: %w", path, err)
	}
	return s, nil
}

// began returns the run as it was at its beginning.
func (s *state) began() (b plan.Began, err error) {
	b.Params, b.ReadSHA256 = &s.Params, s.ReadSHA256
	if b.Exclude, err = setOf(s.Exclude); err != nil {
		return b, err
	}
	b.Since, err = setOf(s.Since)
	return b, err
}

// setOf reads the text of a set.
func setOf(text string) (target.Set, error) {
	lines := new(target.Lines)
	if err := lines.Read("checkpoint", strings.NewReader(text)); err != nil {
		return target.Set{}, fmt.Errorf("not a checkpoint: %w", err)
	}
	return lines.Set(), nil
}

// textOf writes the text of a set.
func textOf(s target.Set) (string, error) {
	text, err := s.AppendText(nil)
	return string(text), err
}

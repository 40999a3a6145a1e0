package checkpoint

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/fileset"
	"github.com/masstrace/masstrace/internal/findings"
	"github.com/masstrace/masstrace/internal/outfile"
	"github.com/masstrace/masstrace/internal/plan"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/target"
)

// Keeper keeps the checkpoint of a scan. A nil Keeper keeps no checkpoint: its methods do
// nothing.
type Keeper struct {
	mu      sync.Mutex // of state, during the run, and of its file
	state   state
	path    string
	resumed bool           // a process before this one began the run
	before  record.Summary // of the windows that were recorded then
	began   plan.Began
	files   *fileset.Files
	found   *findings.Counter // in the windows that were recorded then; nil if there are no traces
}

// Config describes the checkpoint of a scan.
type Config struct {
	// Checkpoint is a new checkpoint, Resume one to continue from. At most one is given.
	Checkpoint, Resume string
	Output             fileset.Paths    // the files that the scan writes
	Capture            string           // a copy of its packets, which it must not have
	Existing           outfile.Existing // rule for an existing file of Checkpoint
}

// Files returns the files that keeping a checkpoint at path writes; none if there is no path.
func Files(path string) []string {
	if path == "" {
		return nil
	}
	return []string{path, path + outfile.FreshSuffix}
}

// ExistsError means that a new scan was given an existing checkpoint.
type ExistsError struct{ Path string }

// Error implements error.
func (e *ExistsError) Error() string {
	return e.Path + " exists: resume its scan, or remove the file"
}

// Is lets errors.Is find fs.ErrExist.
func (e *ExistsError) Is(target error) bool { return target == fs.ErrExist }

// Open returns the keeper of a scan, nil if no checkpoint is wanted.
func Open(c Config) (*Keeper, error) {
	if c.Checkpoint == "" && c.Resume == "" {
		return nil, nil
	}
	if err := checkOutput(c.Output, c.Capture != ""); err != nil {
		return nil, err
	}
	if c.Resume == "" {
		if _, err := os.Lstat(c.Checkpoint); err == nil && c.Existing == outfile.Keep {
			return nil, &ExistsError{c.Checkpoint}
		}
		if _, err := os.Stat(filepath.Dir(c.Checkpoint)); err != nil {
			return nil, fmt.Errorf("folder of the checkpoint: %w", err)
		}
		return &Keeper{path: c.Checkpoint}, nil
	}
	was, err := load(c.Resume)
	if err != nil {
		return nil, err
	}
	k := &Keeper{state: *was, path: c.Resume, resumed: true, before: was.Counters}
	if k.began, err = was.began(); err != nil {
		return nil, err
	}
	if was.Findings != nil {
		k.found = findings.New()
		if err := json.Unmarshal(was.Findings, k.found); err != nil {
			return nil, fmt.Errorf("%s is not a checkpoint: %w", c.Resume, err)
		}
	}
	return k, nil
}

// checkOutput refuses an output that cannot be cut back to a checkpoint.
func checkOutput(p fileset.Paths, pcap bool) error {
	const need = "a checkpoint needs an output file (-o FILE)"
	if p.Output == "" {
		return plan.Refuse("Output", "%s, not the standard output", need)
	}
	for _, u := range p.Uses() {
		if u.Path == "-" {
			return plan.Refuse(u.Name, "%s, not the standard output", need)
		}
		if info, err := os.Stat(u.Path); u.Path != "" && err == nil && !info.Mode().IsRegular() {
			return plan.Refuse(u.Name, "%s: %s is not a file", need, u.Path)
		}
	}
	if name := p.Whole(); name != "" {
		return plan.Refuse("Output", "%s is useless until its end is written, so that no process could continue %s. "+
			"Write NDJSON (-o x.ndjson.zst), and then convert that", name, p.Output)
	}
	if pcap {
		return plan.Refuse("Capture", "a capture cannot be continued: it cannot be combined with a checkpoint")
	}
	return nil
}

// Resumes reports whether the run is resumed.
func (k *Keeper) Resumes() bool { return k != nil && k.resumed }

// Began returns the beginning of a resumed run.
func (k *Keeper) Began() plan.Began {
	if !k.Resumes() {
		return plan.Began{}
	}
	return k.began
}

// Findings returns the counter of the findings of a resumed run, with those of the recorded
// windows. It is nil if the run writes no traces.
func (k *Keeper) Findings() *findings.Counter { return k.found }

// Identity returns the seed and the key of a resumed run.
func (k *Keeper) Identity() (seed, key string) { return k.state.Params.Seed, k.state.Key }

// Agree refuses a run that is not the one that began.
func (k *Keeper) Agree(p *plan.Plan) error {
	if !k.Resumes() {
		return nil
	}
	differ := plan.Differ(&k.state.Params, &p.Params)
	if len(differ) == 0 && k.state.Windows > p.Windows {
		differ = append(differ, plan.Difference{Field: "windows", Was: k.state.Windows, Now: p.Windows})
	}
	return k.refuse(differ)
}

// SameSource refuses a run whose probes would have other sources now.
func (k *Keeper) SameSource(now *plan.Params) error {
	if !k.Resumes() || now.Source4 == k.state.Params.Source4 && now.Source6 == k.state.Params.Source6 {
		return nil
	}
	was := &k.state.Params
	return k.refuse([]plan.Difference{{
		Field: "Sources", Was: was.Source4.String() + " " + was.Source6.String(), Now: now.Source4.String() + " " + now.Source6.String(),
	}})
}

func (k *Keeper) refuse(differ []plan.Difference) error {
	if len(differ) == 0 {
		return nil
	}
	return &plan.DifferError{Path: k.path, Differences: differ}
}

// FirstWindow returns the number of the window to begin with.
func (k *Keeper) FirstWindow() uint64 {
	if k == nil {
		return 0
	}
	return k.state.Windows
}

// Path returns the name of the checkpoint, "" of a nil Keeper.
func (k *Keeper) Path() string {
	if k == nil {
		return ""
	}
	return k.path
}

// OpenOutput opens the files of the output: cut back to the checkpoint, if the run is resumed.
func (k *Keeper) OpenOutput(p fileset.Paths, open func() (*fileset.Files, error)) (*fileset.Files, error) {
	if k.Resumes() {
		return fileset.Reopen(p, append(fileset.Marks{k.state.Output}, k.state.More...))
	}
	return open()
}

// Wait waits until replies to the earlier process can no longer arrive. Such a reply would
// look like a reply to the same probe of this process, with an RTT that is too short. It
// ends with stop.
func (k *Keeper) Wait(stop context.Context, reply time.Duration) {
	if !k.Resumes() {
		return
	}
	select {
	case <-time.After(reply):
	case <-stop.Done():
	}
}

// Begin writes the first checkpoint of the process, before anything is sent that no
// checkpoint has. files are the output, whose records are flushed; found is as in Mark.
func (k *Keeper) Begin(p *plan.Plan, key string, files *fileset.Files, found *findings.Counter) error {
	if k == nil {
		return nil
	}
	k.state.Masstrace, k.state.Tool, k.files = version, p.Tool, files
	if !k.resumed {
		k.state.Key, k.state.Params = key, p.Params
		var err error
		if k.state.Exclude, err = textOf(p.Exclude); err != nil {
			return err
		}
	}
	if err := k.SetExcluded(p.ExcludedSince, ""); err != nil {
		return err
	}
	var none record.Summary
	none.TTLs, none.Flows = uint64(p.Shape.TTLs()), uint64(p.Shape.RequestedFlows())
	return k.Mark(k.state.Windows, &none, found)
}

// Changed returns the options that the process changed against those that the run began
// with.
func (k *Keeper) Changed(p *plan.Plan) map[string]record.Change {
	return plan.Changed(&k.state.Params, &p.Params)
}

// Mark saves that the windows below number done are in the output; sum counts those of
// them that this process did. found has the findings of all of them. The output must be
// flushed.
func (k *Keeper) Mark(done uint64, sum *record.Summary, found *findings.Counter) (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state.Windows = done
	k.state.Counters = *sum
	k.state.Counters.Add(&k.before)
	if found != nil { // its text: saves at other times must not read it
		if k.state.Findings, err = json.Marshal(found); err != nil {
			return err
		}
	}
	marks, err := k.files.Mark()
	if err != nil {
		return err
	}
	k.state.Output, k.state.More = marks[0], marks[1:]
	return k.state.save(k.path)
}

// SetExcluded saves the addresses that were excluded since the run began. readSHA256 is the
// digest of the exclusions as they were read again, "" if they were not.
func (k *Keeper) SetExcluded(since target.Set, readSHA256 string) (err error) {
	if k == nil {
		return nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state.Since, err = textOf(since); err != nil {
		return err
	}
	if readSHA256 == "" {
		return nil // Begin saves it
	}
	k.state.ReadSHA256 = readSHA256
	return k.state.save(k.path)
}

// AddBefore adds the counts of earlier processes.
func (k *Keeper) AddBefore(sum *record.Summary) {
	if k != nil {
		sum.Add(&k.before)
	}
}

// End removes the checkpoint of a complete run. In the checkpoint of a stopped run, it
// saves the number of abandoned probes.
func (k *Keeper) End(whole bool, abandoned uint64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !whole {
		k.state.Counters.Abandoned += abandoned
		return k.state.save(k.path)
	}
	if _, err := k.files.Mark(); err != nil {
		return err
	}
	return outfile.Remove(k.path)
}

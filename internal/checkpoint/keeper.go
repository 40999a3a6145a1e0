package checkpoint

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

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
	file    *outfile.File
}

// Config describes the checkpoint of a scan.
type Config struct {
	// Checkpoint is a new checkpoint, Resume one to continue from. At most one is given.
	Checkpoint, Resume string
	Output             string           // the file that the scan writes
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
			return nil, plan.Refuse("Checkpoint", "%s exists: resume its scan, or remove the file", c.Checkpoint)
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
	k.began, err = was.began()
	return k, err
}

// checkOutput refuses an output that cannot be cut back to a checkpoint.
func checkOutput(output string, pcap bool) error {
	const need = "a checkpoint needs an output file (-o FILE)"
	if output == "-" || output == "" {
		return plan.Refuse("Output", "%s, not the standard output", need)
	}
	if info, err := os.Stat(output); err == nil && !info.Mode().IsRegular() {
		return plan.Refuse("Output", "%s: %s is not a file", need, output)
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

// OpenOutput opens the output: cut back to the checkpoint, if the run is resumed.
func (k *Keeper) OpenOutput(path string, open func() (*outfile.File, error)) (*outfile.File, error) {
	if k.Resumes() {
		return outfile.Reopen(path, k.state.Output)
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
// checkpoint has. file is the output, whose records are flushed.
func (k *Keeper) Begin(p *plan.Plan, key string, file *outfile.File) error {
	if k == nil {
		return nil
	}
	k.state.Masstrace, k.state.Tool, k.file = version, p.Tool, file
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
	none.TTLs, none.Flows = uint64(p.Shape.TTLs()), uint64(p.Shape.Flows)
	return k.Mark(k.state.Windows, &none)
}

// Changed returns the options that the process changed against those that the run began
// with.
func (k *Keeper) Changed(p *plan.Plan) map[string]record.Change {
	return plan.Changed(&k.state.Params, &p.Params)
}

// Mark saves that the windows below number done are in the output; sum counts those of
// them that this process did. The output must be flushed.
func (k *Keeper) Mark(done uint64, sum *record.Summary) (err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state.Windows = done
	k.state.Counters = *sum
	k.state.Counters.Add(&k.before)
	if k.state.Output, err = k.file.Mark(); err != nil {
		return err
	}
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
	if _, err := k.file.Mark(); err != nil {
		return err
	}
	return outfile.Remove(k.path)
}

package job

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/masstrace/masstrace/internal/fleet/ledger"
)

// validName is the form of names of agents, submitters and jobs. Names are parts of subjects and of
// file names.
var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// CheckName refuses a name that is not of the right form.
func CheckName(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("%q is not a name: use 1 to 40 lower-case letters, digits and hyphens", name)
	}
	return nil
}

// Forms of what a hub chooses. Agents and submitters check them, because they are parts of file names.
var (
	validID     = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]{0,63}$`)
	validDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// CheckNames refuses a job whose number, names or digests are not of the right form.
func (j *Job) CheckNames() error {
	if !validID.MatchString(j.ID) {
		return fmt.Errorf("%q is no number of a job", j.ID)
	}
	digests := []string{j.Spec.Targets, j.Spec.Exclude}
	for agent, digest := range j.Spec.Assigned {
		if err := CheckName(agent); err != nil {
			return err
		}
		digests = append(digests, digest)
	}
	for _, digest := range digests {
		if digest != "" && !validDigest.MatchString(digest) {
			return fmt.Errorf("%q is no digest of a list", digest)
		}
	}
	for _, name := range slices.Concat([]string{j.Spec.Name, j.Submitter}, j.Members) {
		if err := CheckName(name); err != nil {
			return err
		}
	}
	return nil
}

// CheckEntry refuses an entry of a ledger whose names or digest are not of the right form.
func CheckEntry(e *ledger.Entry) error {
	if !validDigest.MatchString(e.SHA256) || e.Size < 0 {
		return fmt.Errorf("slice %d has no digest, or a wrong size", e.Slice)
	}
	if e.Agent != "" && e.Agent != e.By {
		return fmt.Errorf("slice %d of %s is by %s", e.Slice, e.Agent, e.By)
	}
	return CheckName(e.By)
}

// Matches reports whether an agent is one of those that patterns name: patterns as of a shell,
// separated by commas.
func Matches(patterns, agent string) bool {
	for one := range strings.SplitSeq(patterns, ",") {
		if ok, err := path.Match(strings.TrimSpace(one), agent); ok && err == nil {
			return true
		}
	}
	return false
}

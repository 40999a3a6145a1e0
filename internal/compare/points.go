package compare

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/masstrace/masstrace/internal/inputs"
	"github.com/masstrace/masstrace/internal/outfile"
)

// onePoint refuses a folder in which several vantage points have traced the same targets: their
// paths differ without a change. In jobs of mode split, each target has one vantage point.
func onePoint(path string) error {
	points := inputs.Points(path)
	if len(points) < 2 {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(path, "run=*", "job.json"))
	if err != nil {
		return err
	}
	own := filepath.Join(path, "job.json")
	if _, err := os.Stat(own); err == nil {
		files = append(files, own)
	}
	split := len(files) > 0
	for _, file := range files {
		var about struct {
			Job struct{ Spec struct{ Mode string } }
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		split = split && json.Unmarshal(text, &about) == nil && about.Job.Spec.Mode == "split"
	}
	if split {
		return nil
	}
	return &outfile.RefusedError{Name: "Inputs", Err: fmt.Errorf(
		"%s: several vantage points trace the same targets (%s); compare the folder %s=NAME of one of them", path, strings.Join(points, ", "), inputs.Point)}
}

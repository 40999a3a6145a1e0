package commands

import (
	"cmp"
	"errors"
	"os"
	"regexp"
	"strings"

	"github.com/masstrace/masstrace/internal/format/all"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/run"
)

// endings are the words for the reasons why a run ended early.
var endings = map[string]string{
	record.ReasonDone:       "not all probes could be sent",
	record.ReasonSignal:     "stopped by a signal",
	record.ReasonDisk:       "the results could not be written",
	record.ReasonLink:       "the link failed",
	record.ReasonMaxRuntime: "the maximum run time is over",
	record.ReasonShards:     "shards are missing",
	record.ReasonList:       "a line of the list is wrong",
	record.ReasonCapture:    "the capture is not whole",
}

// endingWords reports whether the run is complete, and if not, why.
func endingWords(s *record.Summary) string {
	if s.Complete {
		return "complete"
	}
	return "incomplete: " + cmp.Or(endings[s.Reason], s.Reason)
}

// stoppedText returns the text of the error of a run whose summary gives a reason.
func stoppedText(e *run.Incomplete) string {
	if e.Reason == "" {
		return e.Error()
	}
	return endingWords(&record.Summary{Reason: e.Reason})
}

// continued returns the command line, for a shell, that continues a stopped scan.
func (c command) continued(checkpoint string) string {
	words := []string{shellWord(os.Args[0])}
	replaced := false
	for i := 0; i < len(c); i++ {
		switch arg := c[i]; {
		case arg == "--checkpoint":
			i++ // its value
			replaced = true
		case strings.HasPrefix(arg, "--checkpoint="):
			replaced = true
		case arg == "--overwrite": // the files are continued
		default:
			words = append(words, shellWord(arg))
			continue
		}
	}
	if replaced {
		words = append(words, "--resume", shellWord(checkpoint))
	}
	return strings.Join(words, " ")
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shellWord quotes a word for a shell, if it must.
func shellWord(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// outputLines are the lines of a summary about the file that a command wrote. They end with the way
// to look at it.
func outputLines(path string) (lines []string) {
	if path == "" || path == "-" {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() { // a device or a pipe keeps nothing to look at
		return []string{"output: " + path}
	}
	lines = []string{"output: " + path + ", " + sizeWords(float64(info.Size()))}
	if form, err := all.FormatOf("Output", path); err == nil && form.NewReader != nil {
		lines = append(lines, "to see it: masstrace show "+shellWord(path))
	}
	return lines
}

// conclude writes how a stopped scan can go on. It returns an error without a message if the user
// has read everything by then.
func (c *console) conclude(err error, args command) error {
	stopped, ok := errors.AsType[*run.Incomplete](err)
	if !ok || c.quiet || stopped.Reason == "" {
		return err
	}
	switch {
	case stopped.Checkpoint != "":
		c.line("to continue it:\n  " + args.continued(stopped.Checkpoint))
	case c.keeps && stopped.Reason == record.ReasonSignal:
		c.line("next time: a scan with --checkpoint FILE can be continued")
	}
	return exitStatus(statusPartial)
}

package commands

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/masstrace/masstrace/internal/convert"
	"github.com/masstrace/masstrace/internal/plaintext"
	"github.com/masstrace/masstrace/internal/progress"
)

// Times of the display of a command that reads files. Shorter work shows nothing.
const (
	readingFrom  = time.Second
	readingEvery = 250 * time.Millisecond
)

// reading shows the progress of a command that reads files.
type reading struct {
	screen *console
	began  time.Time
	next   time.Duration // since began, when it is shown again
	state  progress.Reading
}

// newReading returns the display of a command, by its name. output is the file of its records.
func newReading(screen *console, name, output string, stdout io.Writer) *reading {
	screen.name = name
	screen.aside(output, stdout)
	r := &reading{screen: screen, began: time.Now(), next: readingFrom}
	if !screen.terminal {
		r.next = logEvery
	}
	return r
}

// show shows the progress, if it is time to.
func (r *reading) show(w progress.Work) {
	c := r.screen
	w.Name, w.Elapsed = c.name, time.Since(r.began)
	if c.quiet || w.Elapsed < r.next {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w.Ends = c.ends.Parts()
	s := r.state.Add(&w)
	if c.terminal {
		r.next = w.Elapsed + readingEvery
		c.draw(s)
		return
	}
	r.next = w.Elapsed + logEvery
	fmt.Fprintln(c.out, plaintext.Line(s.Line()))
}

// converted shows how far a conversion is.
func (r *reading) converted(p convert.Progress) {
	r.show(progress.Work{Done: p.Done, Size: p.Size, Records: p.Records})
}

// files shows how far some files were read, which are read so many times, until stop is called. Then
// the display is gone.
func (r *reading) files(paths []string, passes int) (stop func()) {
	files := progress.NewFiles(paths, passes)
	over := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		ticker := time.NewTicker(readingEvery)
		defer ticker.Stop()
		for {
			select {
			case <-over:
				return
			case <-ticker.C:
			}
			done, size := files.Read()
			r.show(progress.Work{Done: done, Size: size})
		}
	})
	return sync.OnceFunc(func() {
		close(over)
		group.Wait()
		r.screen.clear()
	})
}

package observe

import (
	"errors"
	"testing"

	"github.com/masstrace/masstrace/internal/record"
)

// Each event is a sentence with all that it holds.
func TestEvents(t *testing.T) {
	fault := errors.New("no such file")
	for _, tt := range []struct {
		event Event
		want  string
	}{
		{Began{}, "begun"},
		{Stopping{Cause: errors.New("interrupted")}, "interrupted: sending has stopped, waiting for replies"},
		{Stopping{Cause: errors.New("interrupted"), Leaves: true}, "interrupted: sending has stopped, unfinished windows are left for later"},
		{Link{Name: "eth0", State: "down", Effect: "the run waits"}, "eth0: down: the run waits"},
		{Excluded{Err: fault}, "the exclusions could not be read again and stay the same: no such file"},
		{Excluded{}, "the exclusions were read again: no address is newly excluded"},
		{Excluded{None: true}, "no exclusion file was given: there is nothing to read again"},
		{Excluded{Ranges: 2}, "the exclusions were read again; newly excluded ranges, not probed from now on: 2"},
		{RateFell{FromPPS: 2000, ToPPS: 1500}, "rate: at 2000 pps fewer probes were answered; back to 1500 pps"},
		{RateFell{FromPPS: 2000, ToPPS: 1500, Drowned: true}, "rate: at 2000 pps our own kernel dropped replies; back to 1500 pps"},
		{Held{Goroutines: 9, HeapBytes: 1234, Windows: 2}, "holds: goroutines 9 heap 1234 windows 2"},
		{Noticef("%d hosts", 3), "3 hosts"},
		{Warning("careful"), "careful"},
		{Finished{Summary: &record.Summary{Reason: record.ReasonDone}}, "finished: " + record.ReasonDone},
	} {
		if got := tt.event.String(); got != tt.want {
			t.Errorf("%T: %q, want %q", tt.event, got, tt.want)
		}
		Nobody{}.Event(tt.event)
	}
	Nobody{}.Progress(Progress{Share: 1})
}

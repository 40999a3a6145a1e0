package programs

import (
	"testing"

	"github.com/masstrace/masstrace/internal/lab/routers"
	"github.com/masstrace/masstrace/internal/probe"
	"github.com/masstrace/masstrace/internal/record"
	"github.com/masstrace/masstrace/internal/session"
)

// Several senders share windows, rate and counts, and nothing else: every target
// has its whole trace, in windows that are parted and over together.
func TestScanSenders(t *testing.T) {
	t.Parallel()
	for _, io := range []session.IO{session.PacketIO, session.XDPIO} {
		c := config(samples(6)...)
		c.Senders, c.Link.IO, c.Attempts, c.Records = 3, io, 2, record.Traces|record.Replies
		if io == session.XDPIO {
			c.Senders = 1 // the lab's links have one queue
		}
		c.Memory = 1 << 20 // some windows
		r := runScan(t, c)
		topology := routers.New()
		for i, trace := range r.traces {
			checkTrace(t, topology, trace, r.exts[i], probe.UDP)
		}
		sum := &r.summary
		if !sum.Complete || sum.TxErrors > 0 || uint64(len(r.traces)) != sum.Targets {
			t.Errorf("%s: %d traces, summary %+v", io, len(r.traces), sum)
		}
		if r.run.Senders != c.Senders {
			t.Errorf("%s: %d senders in the run record", io, r.run.Senders)
		}
	}
}
